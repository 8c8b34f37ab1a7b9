import { useNavigate } from "@tanstack/react-router";
import {
  type ColumnDef,
  createSortedRowModel,
  type RowData,
  rowSortingFeature,
  sortFn_basic,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import type { KeyboardEvent, MouseEvent, ReactNode } from "react";
import { Fragment, useMemo, useState } from "react";
import { DownIcon, UpIcon } from "@/design/icons";
import styles from "./table.module.css";

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
});

export interface Column<T> {
  id: string;
  header: string;
  /** What the column sorts by. */
  value: (row: T) => string | number | null;
  /** What it shows; the value, when absent. */
  show?: (row: T) => ReactNode;
  align?: "right";
  /** Leave the column out on narrow screens. */
  wide?: boolean;
}

interface TableProps<T> {
  rows: T[];
  columns: Column<T>[];
  /** Where a click on a row leads. */
  to?: (row: T) => string;
  /** How many rows to show until asked for all. */
  first?: number;
  /** What only narrow screens show below a row: words of a column that they leave out. */
  below?: (row: T) => ReactNode;
}

/** A table that sorts by any column; each row may lead somewhere. */
export function Table<T extends RowData>({ rows, columns, to, first, below }: TableProps<T>) {
  const defs = useMemo(() => columns.map(definitionOf), [columns]);
  const table = useTable({ features, columns: defs, data: rows });
  const navigate = useNavigate();
  const [whole, setWhole] = useState(false);
  const all = table.getRowModel().rows;
  const shown = first && !whole ? all.slice(0, first) : all;
  const byId = new Map(columns.map((column) => [column.id, column]));

  const follow = (row: T) => (event: MouseEvent | KeyboardEvent) => {
    if ("key" in event && event.key !== "Enter") return;
    if (!to || (event.target as HTMLElement).closest("a, button")) return;
    const wantsTab = event.ctrlKey || event.metaKey || ("button" in event && event.button === 1);
    if (wantsTab) window.open(to(row), "_blank", "noopener");
    else void navigate({ to: to(row) });
  };

  return (
    <div className={styles.frame}>
      <table className={styles.table}>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => {
                const column = byId.get(header.column.id);
                const sorted = header.column.getIsSorted();
                return (
                  <th
                    key={header.id}
                    data-align={column?.align}
                    data-wide={column?.wide}
                    aria-sort={ariaSort(sorted)}
                  >
                    <button type="button" onClick={header.column.getToggleSortingHandler()}>
                      {column?.header}
                      {sorted === "asc" && <UpIcon size={13} />}
                      {sorted === "desc" && <DownIcon size={13} />}
                    </button>
                  </th>
                );
              })}
            </tr>
          ))}
        </thead>
        <tbody>
          {shown.map((row) => (
            <Fragment key={row.id}>
              <tr
                data-leads={to ? true : undefined}
                tabIndex={to ? 0 : undefined}
                onClick={follow(row.original)}
                onAuxClick={follow(row.original)}
                onKeyDown={follow(row.original)}
              >
                {row.getAllCells().map((cell) => {
                  const column = byId.get(cell.column.id);
                  return (
                    <td key={cell.id} data-align={column?.align} data-wide={column?.wide}>
                      {column?.show ? column.show(row.original) : column?.value(row.original)}
                    </td>
                  );
                })}
              </tr>
              {below && <Below>{below(row.original)}</Below>}
            </Fragment>
          ))}
        </tbody>
      </table>
      {shown.length < all.length && (
        <button type="button" className={styles.more} onClick={() => setWhole(true)}>
          Show all {all.length}
        </button>
      )}
    </div>
  );
}

/** A row of words across all columns. */
function Below({ children }: { children: ReactNode }) {
  if (!children) return null;
  return (
    <tr className={styles.below}>
      <td colSpan={100}>{children}</td>
    </tr>
  );
}

function definitionOf<T extends RowData>(column: Column<T>): ColumnDef<typeof features, T> {
  return {
    id: column.id,
    accessorFn: (row: T) => column.value(row) ?? "",
    header: column.header,
    sortFn: "basic",
  };
}

function ariaSort(sorted: false | "asc" | "desc") {
  if (!sorted) return undefined;
  return sorted === "asc" ? "ascending" : "descending";
}
