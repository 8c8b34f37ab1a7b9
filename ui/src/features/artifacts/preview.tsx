import type { Schemas } from "@/api/client";
import { Fact, Facts } from "@/design/facts";
import { formatCount, formatNumber, plural } from "@/design/format";
import { State } from "@/design/state";
import { Value } from "@/design/value";
import { cellOf, hiddenBecause, isNumeric, shortType } from "./cells";
import styles from "./preview.module.css";

type Preview = Schemas["ArtifactPreview"];

/** A look into what a step gave: rows, a picture, a value, or what a model says of itself. */
export function ArtifactView({ preview }: { preview: Preview }) {
  return (
    <>
      <Content preview={preview} />
      {preview.cut && <p className={styles.cut}>There is more than is shown.</p>}
    </>
  );
}

function Content({ preview }: { preview: Preview }) {
  if (preview.kind === "table") return <Rows preview={preview} />;
  if (preview.image) {
    return <img src={preview.image} alt="What the step drew" className={styles.image} />;
  }
  return (
    <>
      {Object.keys(preview.facts).length > 0 && (
        <Facts>
          {Object.entries(preview.facts).map(([name, value]) => (
            <Fact key={name} name={name}>
              <Value value={value} />
            </Fact>
          ))}
        </Facts>
      )}
      {preview.text && <pre className={styles.text}>{preview.text}</pre>}
    </>
  );
}

function Rows({ preview }: { preview: Preview }) {
  const { columns, head, rows } = preview;
  const shown = columns.filter((column) => !column.hidden);
  const hidden = columns.filter((column) => column.hidden);
  return (
    <>
      <div className={styles.frame}>
        <table className={styles.rows}>
          <thead>
            <tr>
              {shown.map((column) => (
                <th key={column.name} data-right={isNumeric(column.type) || undefined}>
                  {column.name}
                  <span title={column.type}>{shortType(column.type)}</span>
                  <span>{spreadOf(column)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {head.map((row, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have nothing else to be told by
              <tr key={place}>
                {shown.map((column) => (
                  <td key={column.name} data-right={isNumeric(column.type) || undefined}>
                    {cellOf(row[column.name])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className={styles.under}>
        {plural(head.length, "row")} of {formatCount(rows ?? head.length)}
        {preview.profiled > 0 && `; figures are of the first ${formatCount(preview.profiled)}`}
        {hidden.map((column) => (
          <State
            key={column.name}
            state="hidden"
            tone="warn"
            label={`${column.name}: ${hiddenBecause(column.hidden ?? "")}`}
          />
        ))}
      </p>
    </>
  );
}

/** What a column holds, in one line: its range and mean where it has any, how many values differ. */
function spreadOf(column: Schemas["ArtifactColumn"]): string {
  const parts: string[] = [];
  if (column.low != null && column.high != null) {
    parts.push(`${cellOf(column.low)} to ${cellOf(column.high)}`);
  } else if (column.distinct != null) {
    parts.push(`${formatCount(column.distinct)} different`);
  }
  if (column.mean != null) parts.push(`mean ${formatNumber(column.mean)}`);
  if (column.nulls > 0) parts.push(`${formatCount(column.nulls)} missing`);
  return parts.join(", ");
}
