import { Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";
import { formatAgo, formatMinute } from "./format";

const TICK_MS = 5000;

/** When something happened to the machine: how long ago, the exact time on demand. */
export function Ago({ at }: { at: string | null | undefined }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  if (!at) return <>–</>;
  return (
    <Tooltip label={`${formatMinute(at)} UTC`} openDelay={300}>
      <time dateTime={at}>{formatAgo(at, now)}</time>
    </Tooltip>
  );
}

/** When something happened in the world that the models live in. */
export function EventTime({ at }: { at: string | null | undefined }) {
  if (!at) return <>–</>;
  return <time dateTime={at}>{formatMinute(at)}</time>;
}
