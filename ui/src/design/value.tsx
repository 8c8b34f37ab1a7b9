import { Code } from "./code";
import { formatCount, formatMinute, formatNumber } from "./format";
import { RefLink } from "./ref-link";

const REF =
  /^(dataset|features|feature_service|model|code|release|service|rollout|monitor|erasure|run|artifact|schedule|backfill):\S+$/;
const DIGEST = /^[0-9a-f]{32,}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const LONG = 48;

/** Any JSON value that is not a branch, written as what it is: a link, a digest, a time, a number. */
export function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined || value === "") return <>none</>;
  if (typeof value === "number") {
    return <>{Number.isInteger(value) ? formatCount(value) : formatNumber(value)}</>;
  }
  if (Array.isArray(value)) {
    return value.map((one, place) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: the order is all they have
      <span key={place}>
        {place > 0 && ", "}
        <Value value={one} />
      </span>
    ));
  }
  if (typeof value === "object") {
    return Object.entries(value).map(([name, inner], place) => (
      <span key={name}>
        {place > 0 && ", "}
        {name} <Value value={inner} />
      </span>
    ));
  }
  const text = String(value);
  if (REF.test(text)) return <RefLink ref_={text} />;
  if (DIGEST.test(text)) return <Code value={text} />;
  if (TIME.test(text)) return <time dateTime={text}>{formatMinute(text)}</time>;
  return text.length > LONG && !text.includes(" ") ? <Code value={text} /> : text;
}
