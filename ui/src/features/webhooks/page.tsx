import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { Fact, Facts } from "@/design/facts";
import { formatCount, humanize } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { Ago } from "@/design/time";
import { Channels } from "./channels";
import { channelsQuery, webhooksQuery } from "./queries";
import { backlogOf, nameOf, standingOf } from "./standing";

type Webhook = Schemas["WebhookListed"];
type Delivery = Schemas["WebhookDelivery"];

const FIRST = 6;
// biome-ignore lint/suspicious/noTemplateCurlyInString: Python, where it names an environment variable
const EXAMPLE = 'tp.Webhook("ops", url="https://…", secret="${OPS_SECRET}")';

const COLUMNS: Column<Delivery>[] = [
  {
    id: "event",
    header: "Event",
    value: (one) => one.seq,
    show: (one) => humanize(one.type.replace(".", " ")),
  },
  {
    id: "subject",
    header: "About",
    value: (one) => one.subject,
    show: (one) => <RefLink ref_={one.subject} />,
  },
  {
    id: "code",
    header: "Answer",
    value: (one) => one.code,
    show: (one) => (
      <State
        state="answered"
        tone={one.taken ? "good" : "warn"}
        label={one.taken ? String(one.code) : `${one.code}, refused`}
      />
    ),
  },
  {
    id: "at",
    header: "Settled",
    value: (one) => one.at,
    show: (one) => <Ago at={one.at} />,
    align: "right",
    wide: true,
  },
];

/** Who is told what happens here: what each was sent, what waits, and what is in the way. */
export function WebhooksPage() {
  return (
    <Page
      title="Webhooks"
      lead="Events of the log that other systems are told, in order, each at least once."
    >
      <Loaded query={useQuery(webhooksQuery)}>
        {(webhooks) =>
          webhooks.length === 0 ? (
            <Panel>
              <Empty title="Nobody is told yet" command={EXAMPLE}>
                A project declares it under webhooks; events are signed CloudEvents.
              </Empty>
            </Panel>
          ) : (
            webhooks.map((one) => <Told key={one.name} webhook={one} />)
          )
        }
      </Loaded>
      <Channels channels={useQuery(channelsQuery).data ?? []} />
    </Page>
  );
}

function Told({ webhook }: { webhook: Webhook }) {
  const { words, tone } = standingOf(webhook);
  const [oldest] = webhook.waiting;
  return (
    <Columns wide>
      <Panel
        title={nameOf(webhook)}
        note={`of ${webhook.project}`}
        aside={<State state={webhook.state} tone={tone} label={words} />}
        flush
      >
        {webhook.deliveries.length === 0 ? (
          <Empty title="Nothing was settled yet">
            {webhook.state === "failing"
              ? "The other side has not answered so far. Nothing is lost: it is told once it does."
              : "What happens from now on is sent."}
          </Empty>
        ) : (
          <Table rows={webhook.deliveries} columns={COLUMNS} first={FIRST} />
        )}
      </Panel>
      <Panel title="Standing">
        <Facts>
          <Fact name="To">
            <code>{webhook.url}</code>
          </Fact>
          <Fact name="Told of">{webhook.events.join(", ")}</Fact>
          <Fact name="Taken">{formatCount(webhook.sent)}</Fact>
          {webhook.refused > 0 && <Fact name="Refused">{formatCount(webhook.refused)}</Fact>}
          <Fact name="Waiting">
            {backlogOf(webhook)}
            {oldest && (
              <>
                , oldest <Ago at={oldest.at} />
              </>
            )}
          </Fact>
          {webhook.failures > 0 && <Fact name="Failed in a row">{webhook.failures}</Fact>}
          {webhook.error && <Fact name="Last trouble">{webhook.error}</Fact>}
          {webhook.next_at && (
            <Fact name="Next try">
              <Ago at={webhook.next_at} />
            </Fact>
          )}
        </Facts>
      </Panel>
    </Columns>
  );
}
