import { Tooltip } from "@mantine/core";
import type { Schemas } from "@/api/client";
import { formatCompact, formatCount } from "@/design/format";
import styles from "./change.module.css";

type Counts = Pick<Schemas["DatasetVersion"], "added_rows" | "replaced_rows" | "deleted_rows">;

/** What a version did to the rows of the one before: `+` added, `~` replaced, `−` deleted. */
export function Change({ version, none = "" }: { version: Counts; none?: string }) {
  const parts = changeOf(version);
  if (parts.length === 0) return <>{none}</>;
  return (
    <Tooltip
      label={parts.map(({ count, what }) => `${formatCount(count)} ${what}`).join(", ")}
      openDelay={200}
    >
      <span className={styles.change}>
        {parts.map(({ sign, count, what }) => (
          <span key={what} data-what={what}>
            {sign}
            {formatCompact(count)}
          </span>
        ))}
      </span>
    </Tooltip>
  );
}

interface Part {
  sign: string;
  what: string;
  count: number;
}

/** The counts that are not zero, in the order people read them. */
export function changeOf(version: Counts): Part[] {
  return [
    { sign: "+", what: "added", count: version.added_rows },
    { sign: "~", what: "replaced", count: version.replaced_rows },
    { sign: "−", what: "deleted", count: version.deleted_rows },
  ].filter(({ count }) => count > 0);
}
