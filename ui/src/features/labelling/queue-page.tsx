import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { RefLink } from "@/design/ref-link";
import { useActor } from "./actor";
import { Agreement } from "./agreement";
import { Disputes } from "./disputes";
import { Judge } from "./judge";
import { NameForm } from "./name-form";
import { type Queue, queueQuery } from "./queries";
import styles from "./queue-page.module.css";
import type { LabelView } from "./view";

/** A queue's desk: judging, adjudicating, and how far people agree. */
export function QueuePage() {
  const { name = "" } = useParams({ strict: false });
  const { view = "judge" } = useSearch({ strict: false }) as { view?: LabelView };
  const navigate = useNavigate();
  const [actor, setActor] = useActor();
  const query = useQuery(queueQuery(name));
  const queue = query.data;
  return (
    <Page
      title={name}
      within={{ to: "/labels", label: "Labels" }}
      lead={queue && <Lead queue={queue} actor={actor} onLeave={() => setActor("")} />}
      aside={
        <SegmentedControl
          aria-label="View"
          value={view}
          onChange={(next) =>
            void navigate({
              to: "/labels/$name",
              params: { name },
              search: { view: next as LabelView },
            })
          }
          data={[
            { value: "judge", label: "Judge" },
            {
              value: "disputes",
              label: queue?.disputed ? `Disputes ${queue.disputed}` : "Disputes",
            },
            { value: "agreement", label: "Agreement" },
          ]}
        />
      }
    >
      <Loaded query={query}>
        {(found) => {
          if (view === "agreement") return <Agreement queue={found} />;
          if (!actor) return <NameForm onName={setActor} />;
          return view === "disputes" ? (
            <Disputes queue={found} actor={actor} />
          ) : (
            <Judge key={actor} queue={found} actor={actor} />
          );
        }}
      </Loaded>
    </Page>
  );
}

interface LeadProps {
  queue: Queue;
  actor: string;
  onLeave: () => void;
}

function Lead({ queue, actor, onLeave }: LeadProps) {
  return (
    <>
      <span>
        Decisions of <RefLink ref_={`service:${queue.service}`} />, {sampled(queue.sample)}
      </span>
      {queue.version && (
        <span>
          labels in <RefLink ref_={queue.version} />
        </span>
      )}
      {actor && (
        <span>
          you are <b>{actor}</b>{" "}
          <button type="button" className={styles.leave} onClick={onLeave}>
            somebody else?
          </button>
        </span>
      )}
    </>
  );
}

function sampled(sample: string): React.ReactNode {
  if (sample === "uncertain") return "those the model was least sure of";
  if (sample === "random") return "a random sample";
  return (
    <>
      by <code>{sample}</code>
    </>
  );
}
