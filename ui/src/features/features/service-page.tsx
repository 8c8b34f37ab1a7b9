import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Fact, Facts } from "@/design/facts";
import { LineageButton } from "@/design/lineage-button";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { RefList } from "@/design/ref-list";
import { FeatureColumns } from "./columns";
import styles from "./features.module.css";
import { Tags } from "./list-page";
import { serviceQuery } from "./queries";

type Service = Schemas["FeatureServiceDetail"];

/** The features that a model uses: what is looked up by which column, and what is computed. */
export function ServicePage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(serviceQuery(name));
  return (
    <Page
      title={name}
      within={{ to: "/features", label: "Features" }}
      lead={
        query.data && (
          <>
            <span>{query.data.description}</span>
            <Tags tags={query.data.tags} />
          </>
        )
      }
      aside={query.data?.version && <LineageButton ref_={query.data.version} />}
    >
      <Loaded query={query}>{(service) => <Body service={service} />}</Loaded>
    </Page>
  );
}

function Body({ service }: { service: Service }) {
  return (
    <Columns wide>
      <div className={styles.side}>
        <Panel title="Features, in order" flush>
          <FeatureColumns columns={service.columns} />
        </Panel>
        <Panel title="Asked for with" note="What a row must say of whom it is about." flush>
          <FeatureColumns columns={[...service.entity, ...service.request]} />
        </Panel>
      </div>
      <div className={styles.side}>
        <Panel title="Looked up">
          <Facts>
            {service.lookups.map((one) => (
              <Fact key={`${one.view}:${one.prefix}`} name={one.by.join(", ")}>
                <RefLink ref_={`features:${one.view}`} />: {one.features.join(", ")}
                {one.prefix && (
                  <>
                    , as <code>{one.prefix}…</code>
                  </>
                )}
              </Fact>
            ))}
          </Facts>
        </Panel>
        {service.transformations.length > 0 && (
          <Panel title="Computed on demand" note="The same function in training and serving.">
            <Facts>
              {service.transformations.map((one) => (
                <Fact key={one.name} name={one.name}>
                  <code>{one.path}</code> of{" "}
                  {[...one.uses, ...one.request.map((column) => column.name)].join(", ")}, gives{" "}
                  {one.returns.map((column) => column.name).join(", ")}
                </Fact>
              ))}
            </Facts>
          </Panel>
        )}
        <Panel title="Used by">
          <Facts>
            <Fact name="Owner">{service.owner || "nobody named"}</Fact>
            <Fact name="Project">{service.project}</Fact>
          </Facts>
          {service.models.length > 0 && <RefList refs={service.models} />}
        </Panel>
      </div>
    </Columns>
  );
}
