import { Skeleton, Stack } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Problem } from "@/api/client";
import { Empty } from "./empty";
import { capitalize } from "./format";

interface LoadedProps<T> {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
}

/** Shows what a query found, its shape while it is on the way, and what went wrong. */
export function Loaded<T>({ query, children }: LoadedProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Trouble error={query.error} />;
  return (
    <Stack gap="md" aria-busy="true" aria-label="Loading">
      <Skeleton height={84} radius={12} />
      <Skeleton height={260} radius={12} />
    </Stack>
  );
}

export function Trouble({ error }: { error: Error }) {
  const remedy = error instanceof Problem ? error.remedy : "Is the server still running?";
  return <Empty title={capitalize(error.message)}>{remedy}</Empty>;
}
