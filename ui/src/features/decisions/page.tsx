import { NativeSelect, TextInput } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Older } from "@/design/older";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { Table } from "@/design/table";
import { trafficQuery } from "@/features/releases/queries";
import type { Asked } from "./asked";
import { columnsOf } from "./columns";
import styles from "./page.module.css";
import { decisionsQuery } from "./queries";

const ARMS = ["champion", "challenger", "shadow", "pinned"];
const STATUSES = ["ok", "error"];

/** What services answered to whom, from what, and what became of it. */
export function DecisionsPage() {
  const asked: Asked = useSearch({ strict: false });
  const traffic = useQuery(trafficQuery);
  return (
    <Page
      title="Decisions"
      lead="What was asked and answered, newest first. That somebody looked goes into the log."
    >
      <Loaded query={traffic}>
        {({ services }) => {
          const service = asked.service ?? services[0]?.service;
          if (!service) return <Empty title="Nothing serves yet" />;
          return (
            <>
              <Filters services={services} service={service} asked={asked} />
              <Decisions service={service} asked={asked} />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

interface FiltersProps {
  services: Schemas["ServiceTraffic"][];
  service: string;
  asked: Asked;
}

function Filters({ services, service, asked }: FiltersProps) {
  const navigate = useNavigate();
  const ask = (change: Partial<Asked>) =>
    void navigate({ to: "/decisions", search: { ...asked, service, ...change }, replace: true });
  const select = (label: keyof Asked, title: string, choices: string[]) => (
    <NativeSelect
      label={title}
      size="xs"
      value={asked[label] ?? ""}
      data={[{ value: "", label: "any" }, ...choices]}
      onChange={(event) => ask({ [label]: event.currentTarget.value || undefined })}
    />
  );
  const type = (label: keyof Asked, title: string, kind: "text" | "date") => (
    <TextInput
      label={title}
      size="xs"
      type={kind}
      // What the address says is where it begins; a new address is a new field.
      key={`${label}-${asked[label] ?? ""}`}
      defaultValue={asked[label] ?? ""}
      onBlur={(event) => ask({ [label]: event.currentTarget.value || undefined })}
      onKeyDown={(event) => {
        if (event.key === "Enter") ask({ [label]: event.currentTarget.value || undefined });
      }}
    />
  );
  return (
    <Panel>
      <div className={styles.filters}>
        <NativeSelect
          label="Service"
          size="xs"
          value={service}
          data={[...new Set([service, ...services.map((one) => one.service)])]}
          onChange={(event) => ask({ service: event.currentTarget.value, model: undefined })}
        />
        {type("since", "From (UTC)", "date")}
        {type("until", "Before (UTC)", "date")}
        {type("model", "Model version", "text")}
        {select("arm", "Arm", ARMS)}
        {select("status", "Status", STATUSES)}
        {type("key", "Key", "text")}
      </div>
    </Panel>
  );
}

function Decisions({ service, asked }: { service: string; asked: Asked }) {
  const query = useInfiniteQuery(decisionsQuery(service, withKind(asked)));
  return (
    <Loaded query={query}>
      {({ pages }) => {
        const rows = pages.flatMap((page) => page.decisions);
        return (
          <Panel
            title={service}
            note={`${plural(rows.length, "decision")} shown${query.hasNextPage ? "; there are older ones" : ""}.`}
            flush
          >
            {rows.length === 0 ? (
              <Empty
                title="No decision is like that"
                command={`towpath decision count ${service}`}
              />
            ) : (
              <Table
                rows={rows}
                columns={columnsOf(pages)}
                to={(one) => `/decisions/${one.decision_id}`}
              />
            )}
            <Older query={query}>Older decisions</Older>
          </Panel>
        );
      }}
    </Loaded>
  );
}

/** People write `late@3`; the API takes whole references. */
function withKind(asked: Asked): Asked {
  const { model } = asked;
  return !model || model.includes(":") ? asked : { ...asked, model: `model:${model}` };
}
