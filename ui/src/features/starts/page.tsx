import { useQuery } from "@tanstack/react-query";
import { Empty } from "@/design/empty";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { Table } from "@/design/table";
import { BACKFILL_COLUMNS, SCHEDULE_COLUMNS, TRIGGER_COLUMNS, WANTED_COLUMNS } from "./columns";
import { backfillsQuery, schedulesQuery, triggersQuery, wantedQuery } from "./queries";

const FIRST = 12;

/** What starts runs by itself, and what is wanted and not over yet. */
export function StartsPage() {
  const wanted = useQuery(wantedQuery);
  return (
    <Page
      title="Schedules"
      lead="What starts runs without anybody asking: the clock, new data, alarms, events, the past."
    >
      {wanted.data && wanted.data.length > 0 && (
        <Panel
          title="Wanted now"
          note="Runs that wait for a worker, or that one carries out."
          flush
        >
          <Table rows={wanted.data} columns={WANTED_COLUMNS} first={FIRST} />
        </Panel>
      )}
      <Loaded query={useQuery(schedulesQuery)}>
        {(schedules) => (
          <Panel
            title="Schedules"
            note="By event time; in UTC, whatever zone they are meant in."
            flush
          >
            {schedules.length === 0 ? (
              <Empty
                title="No schedule"
                command={'tp.Schedule("nightly", pipeline=train, cron="0 3 * * *")'}
              />
            ) : (
              <Table rows={schedules} columns={SCHEDULE_COLUMNS} />
            )}
          </Panel>
        )}
      </Loaded>
      <Loaded query={useQuery(triggersQuery)}>
        {(triggers) => (
          <Panel title="Triggers" note="Each piece of news is answered once." flush>
            {triggers.length === 0 ? (
              <Empty title="No trigger" command={'tp.On(dataset="flights", pipeline=train)'} />
            ) : (
              <Table rows={triggers} columns={TRIGGER_COLUMNS} />
            )}
          </Panel>
        )}
      </Loaded>
      <Loaded query={useQuery(backfillsQuery)}>
        {(backfills) => (
          <Panel title="Backfills" note="A pipeline, once for each window of the past." flush>
            {backfills.length === 0 ? (
              <Empty
                title="No backfill"
                command="towpath backfill train --from 2013-01-01 --to 2013-04-01 --every 7d"
              />
            ) : (
              <Table
                rows={backfills}
                columns={BACKFILL_COLUMNS}
                to={(one) => `/backfills/${one.name}`}
              />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
