import { Button } from "@mantine/core";
import { type ErrorComponentProps, Link } from "@tanstack/react-router";
import { Empty } from "@/design/empty";

export function Missing() {
  return (
    <Empty title="There is no such page">
      <Link to="/">Go to the overview</Link>
    </Empty>
  );
}

export function Broken({ error, reset }: ErrorComponentProps) {
  return (
    <Empty title="This page hit a bug">
      {error instanceof Error ? error.message : String(error)}
      <br />
      <Button variant="light" mt="md" onClick={reset}>
        Try again
      </Button>
    </Empty>
  );
}
