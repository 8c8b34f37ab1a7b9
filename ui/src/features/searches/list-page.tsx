import { useInfiniteQuery } from "@tanstack/react-query";
import { Empty } from "@/design/empty";
import { Loaded } from "@/design/loaded";
import { Older } from "@/design/older";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { Table } from "@/design/table";
import { SEARCH_COLUMNS } from "./columns";
import { searchesQuery } from "./queries";

/** Searches, newest first. */
export function SearchesPage() {
  const query = useInfiniteQuery(searchesQuery);
  return (
    <Page title="Searches" lead="What was tried to find the best settings, and what came of it.">
      <Loaded query={query}>
        {({ pages }) => (
          <Panel flush>
            {pages.flat().length === 0 ? (
              <Empty
                title="Nothing has been searched yet"
                command={'tp.search(fit, past, rate=tp.Log(0.01, 0.3), maximize="roc_auc")'}
              />
            ) : (
              <Table
                rows={pages.flat()}
                columns={SEARCH_COLUMNS}
                to={(one) => `/searches/${one.id}`}
              />
            )}
            <Older query={query}>Older searches</Older>
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
