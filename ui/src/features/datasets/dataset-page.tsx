import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { Figure, Figures } from "@/design/facts";
import { formatBytes, formatCount } from "@/design/format";
import { LineageButton } from "@/design/lineage-button";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { History } from "./history";
import styles from "./page.module.css";
import { Profile } from "./profile";
import { Quality } from "./quality";
import { datasetQuery, datasetVersionQuery } from "./queries";
import { Ingests, Lines, Shape } from "./surroundings";

type Dataset = Schemas["DatasetDetail"];

/** A data set: its versions and lines, how its newest rows did under its rules, and its profile. */
export function DatasetPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(datasetQuery(name));
  const trunk = query.data?.trunk;
  return (
    <Page
      title={name}
      within={
        trunk ? { to: `/datasets/${trunk}`, label: trunk } : { to: "/datasets", label: "Data sets" }
      }
      lead={query.data?.description}
      aside={query.data?.latest && <Deeds dataset={query.data} ref_={query.data.latest.ref} />}
    >
      <Loaded query={query}>{(dataset) => <Body dataset={dataset} />}</Loaded>
    </Page>
  );
}

function Deeds({ dataset, ref_ }: { dataset: Dataset; ref_: string }) {
  return (
    <>
      {dataset.versions + dataset.lines.length > 1 && (
        <Button
          component={Link}
          to={`/datasets/${dataset.trunk ?? dataset.name}/diff`}
          variant="default"
          size="sm"
        >
          Compare versions
        </Button>
      )}
      <LineageButton ref_={ref_} />
    </>
  );
}

function Body({ dataset }: { dataset: Dataset }) {
  const { latest } = dataset;
  if (!latest) {
    return (
      <Panel>
        <Empty title="No version yet" command={`towpath dataset add ${dataset.name} FILE`} />
      </Panel>
    );
  }
  return (
    <>
      <Figures>
        <Figure label="Rows" value={formatCount(latest.rows)} note="newest version" />
        <Figure label="Size" value={formatBytes(latest.bytes)} />
        <Figure label="Versions" value={formatCount(dataset.versions)} />
        <Figure
          label="Set aside"
          value={formatCount(dataset.quarantined)}
          note={dataset.quarantine ? "in quarantine" : "by no rule"}
        />
        <Figure label="Rewritten by erasures" value={dataset.revised} />
      </Figures>
      <Columns wide>
        <History name={dataset.name} />
        <div className={styles.side}>
          <Shape dataset={dataset} />
          <Lines dataset={dataset} />
          <Ingests ingests={dataset.ingests} />
          <LatestQuality name={dataset.name} number={latest.number} />
        </div>
      </Columns>
      <Profile name={dataset.name} number={latest.number} />
    </>
  );
}

function LatestQuality({ name, number }: { name: string; number: number }) {
  const report = useQuery(datasetVersionQuery(name, number)).data?.checks;
  return report ? <Quality report={report} /> : null;
}
