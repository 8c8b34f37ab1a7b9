import { formatSeconds } from "./format";
import type { Column } from "./table";
import { Ago } from "./time";

/** When something happened to the machine, on the right. */
export const agoColumn = <T,>(
  header: string,
  at: (row: T) => string | null | undefined,
): Column<T> => ({
  id: header.toLowerCase(),
  header,
  value: (row) => at(row) ?? "",
  show: (row) => <Ago at={at(row)} />,
  align: "right",
});

/** How long something took, or has taken so far. */
export const tookColumn = <T extends { seconds: number }>(): Column<T> => ({
  id: "seconds",
  header: "Took",
  value: (row) => row.seconds,
  show: (row) => formatSeconds(row.seconds),
  align: "right",
});
