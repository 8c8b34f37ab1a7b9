import { Tooltip } from "@mantine/core";
import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { formatCount, formatNumber } from "@/design/format";
import styles from "./associations.module.css";

type Pair = Schemas["Association"];

const MOST = 18;

/** Which columns go together: a square per pair, darker the stronger, tinted by its direction. */
export function Associations({ pairs }: { pairs: Pair[] }) {
  const { names, found } = useMemo(() => arranged(pairs), [pairs]);
  return (
    <div className={styles.frame}>
      <table className={styles.table}>
        <tbody>
          {names.slice(1).map((row, at) => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {names.slice(0, at + 1).map((column) => {
                const pair = found.get(keyOf(row, column));
                return <Cell key={column} pair={pair} />;
              })}
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <td />
            {names.slice(0, -1).map((name) => (
              <th key={name} scope="col">
                <span>{name}</span>
              </th>
            ))}
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function Cell({ pair }: { pair: Pair | undefined }) {
  if (!pair) return <td className={styles.none} />;
  const size = Math.abs(pair.value);
  const linear = pair.linear == null ? "" : `, linear ${formatNumber(pair.linear)}`;
  const label = `${pair.one} and ${pair.two}: ${pair.measure} ${formatNumber(pair.value)}${linear}, over ${formatCount(pair.rows)} rows`;
  return (
    <td>
      <Tooltip label={label} transitionProps={{ duration: 0 }}>
        <span
          role="img"
          aria-label={label}
          className={styles.square}
          data-negative={pair.value < 0 || undefined}
          style={{ "--size": size } as React.CSSProperties}
        >
          {size >= 0.3 && formatNumber(Number(pair.value.toFixed(2)))}
        </span>
      </Tooltip>
    </td>
  );
}

/** Columns by their strongest tie, so that what matters is in one corner. */
function arranged(pairs: Pair[]): { names: string[]; found: Map<string, Pair> } {
  const names = [...new Set(pairs.flatMap((pair) => [pair.one, pair.two]))].slice(0, MOST);
  return { names, found: new Map(pairs.map((pair) => [keyOf(pair.one, pair.two), pair])) };
}

const keyOf = (one: string, two: string): string => [one, two].sort().join("\u0000");
