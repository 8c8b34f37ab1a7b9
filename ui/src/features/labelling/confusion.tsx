import { formatShare } from "@/design/format";
import styles from "./confusion.module.css";

interface ConfusionProps {
  labels: string[];
  counts: number[][];
}

/** For each label, which labels others gave the same items. */
export function Confusion({ labels, counts }: ConfusionProps) {
  return (
    <div className={styles.frame}>
      <table className={styles.table}>
        <thead>
          <tr>
            <td />
            {labels.map((label) => (
              <th key={label} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {labels.map((label, row) => {
            const given = counts[row]?.reduce((sum, count) => sum + count, 0) ?? 0;
            return (
              <tr key={label}>
                <th scope="row">{label}</th>
                {labels.map((other, column) => {
                  const share = given ? (counts[row]?.[column] ?? 0) / given : 0;
                  return (
                    <td
                      key={other}
                      data-same={row === column || undefined}
                      style={{ "--share": share } as React.CSSProperties}
                    >
                      {given ? formatShare(share) : "–"}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
