import { Button } from "@mantine/core";
import styles from "./table.module.css";

interface OlderProps {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
  children: string;
}

/** Asks for the next page of a list, where there is one. */
export function Older({ query, children }: OlderProps) {
  if (!query.hasNextPage) return null;
  return (
    <div className={styles.older}>
      <Button
        variant="default"
        size="xs"
        loading={query.isFetchingNextPage}
        onClick={() => query.fetchNextPage()}
      >
        {children}
      </Button>
    </div>
  );
}
