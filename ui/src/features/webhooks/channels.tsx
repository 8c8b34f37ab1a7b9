import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { Fact, Facts } from "@/design/facts";
import { formatCount } from "@/design/format";
import { Columns } from "@/design/page";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { Ago } from "@/design/time";
import type { Tone } from "@/design/tone";

type Channel = Schemas["ChannelListed"];
type Message = Schemas["ChannelMessage"];

const FIRST = 6;
const WORDS: Record<string, string> = { email: "by e-mail", slack: "by chat" };
const TONES: Record<string, Tone> = { new: "idle", failing: "bad", telling: "good" };

const COLUMNS: Column<Message>[] = [
  { id: "title", header: "Message", value: (one) => one.title },
  { id: "events", header: "Tells of", value: (one) => one.events, align: "right" },
  {
    id: "at",
    header: "Sent",
    value: (one) => one.at,
    show: (one) => <Ago at={one.at} />,
    align: "right",
    wide: true,
  },
];

/** Which people are told of alerts, by e-mail or chat, and how that goes. */
export function Channels({ channels }: { channels: Channel[] }) {
  return channels.map((one) => (
    <Columns wide key={one.name}>
      <Panel
        title={one.name}
        note={WORDS[one.channel] ?? one.channel}
        aside={<State state={one.state} tone={TONES[one.state] ?? "idle"} />}
        flush
      >
        {one.messages.length === 0 ? (
          <Empty title="Nobody was told anything yet" />
        ) : (
          <Table rows={one.messages} columns={COLUMNS} first={FIRST} />
        )}
      </Panel>
      <Panel title="Standing">
        <Facts>
          <Fact name="Told of">{one.events.join(", ")}</Fact>
          <Fact name="From severity">{one.severity}</Fact>
          {one.after && <Fact name="If on nobody's hands for">{one.after}</Fact>}
          <Fact name="Messages">{formatCount(one.sent)}</Fact>
          {one.failures > 0 && <Fact name="Failed in a row">{one.failures}</Fact>}
          {one.error && <Fact name="Last trouble">{one.error}</Fact>}
        </Facts>
      </Panel>
    </Columns>
  ));
}
