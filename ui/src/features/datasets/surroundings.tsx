import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Fact, Facts } from "@/design/facts";
import { plural } from "@/design/format";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { EventTime } from "@/design/time";
import { Value } from "@/design/value";
import styles from "./surroundings.module.css";

type Dataset = Schemas["DatasetDetail"];
type Ingest = Schemas["DatasetIngest"];

/** What a data set is: how rows are told apart, and whose they are. */
export function Shape({ dataset }: { dataset: Dataset }) {
  return (
    <Panel title="Shape">
      <Facts>
        <Fact name="Project">{dataset.project}</Fact>
        <Fact name="Key">
          <code>{dataset.key.join(", ")}</code>
        </Fact>
        <Fact name="Time">{dataset.time ?? "none"}</Fact>
        <Fact name="Subject">{dataset.subject ?? "nobody's data"}</Fact>
        <Fact name="Columns">{dataset.columns.length}</Fact>
        {dataset.quarantine && (
          <Fact name="Set aside">
            <Link
              to="/datasets/$name"
              params={{ name: dataset.quarantine }}
              className={styles.link}
            >
              {plural(dataset.quarantined, "row")}
            </Link>
          </Fact>
        )}
        {dataset.publications.map((one) => (
          <Fact key={`${one.catalog}:${one.table}`} name="Published">
            {one.table} in {one.catalog}, {plural(one.versions, "snapshot")}
          </Fact>
        ))}
      </Facts>
    </Panel>
  );
}

/** Names that keep versions, and lines beside the trunk. */
export function Lines({ dataset }: { dataset: Dataset }) {
  if (dataset.tags.length + dataset.lines.length === 0) return null;
  return (
    <Panel title="Tags and branches">
      <ul className={styles.list}>
        {dataset.tags.map((tag) => (
          <li key={tag.name}>
            <span className={styles.tag}>{tag.name}</span>
            <RefLink ref_={`dataset:${dataset.name}@${tag.number}`} />
          </li>
        ))}
        {dataset.lines.map((line) => (
          <li key={line.name}>
            <span className={styles.branch}>~{line.name}</span>
            <span className={styles.way}>
              <RefLink ref_={line.head} />
              <span className={styles.note}>
                from <RefLink ref_={line.base} />
                {line.behind > 0 && `, ${line.behind} behind`}
              </span>
              <Link
                to="/datasets/$name/diff"
                params={{ name: dataset.name }}
                search={{ before: bare(line.base), after: bare(line.head) }}
                className={styles.link}
              >
                compare
              </Link>
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Where the rows come from, and how far each source was read. */
export function Ingests({ ingests }: { ingests: Ingest[] }) {
  if (ingests.length === 0) return null;
  return (
    <Panel title="Ingests">
      <div className={styles.ingests}>
        {ingests.map((one) => (
          <article key={one.name}>
            <header className={styles.head}>
              <b>{one.name}</b>
              <State
                state={one.error ? "failed" : one.phase}
                tone={one.error ? "bad" : one.phase === "running" ? "active" : "idle"}
              />
            </header>
            {one.error && <p className={styles.error}>{one.error}</p>}
            <Facts>
              {Object.entries(one.source).map(([name, value]) => (
                <Fact key={name} name={name}>
                  <Value value={value} />
                </Fact>
              ))}
              <Fact name="Takes">
                {one.increments ? "what is new" : "everything"}, by {one.mode}
                {one.every ? `, every ${one.every}` : ", when asked"}
              </Fact>
              {one.at && (
                <Fact name="Last read">
                  <EventTime at={one.at} />, {plural(one.rows, "row")}
                  {one.version && (
                    <>
                      {" "}
                      into <RefLink ref_={one.version} />
                    </>
                  )}
                </Fact>
              )}
              {one.next && (
                <Fact name="Next">
                  <EventTime at={one.next} />
                </Fact>
              )}
            </Facts>
          </article>
        ))}
      </div>
    </Panel>
  );
}

/** `dataset:flights@7` as the comparison takes it. */
export const bare = (ref: string): string => ref.slice(ref.indexOf(":") + 1);
