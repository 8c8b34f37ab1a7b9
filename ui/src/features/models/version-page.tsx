import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Code } from "@/design/code";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { formatNumber, formatShare } from "@/design/format";
import { LineageButton } from "@/design/lineage-button";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { Ago } from "@/design/time";
import { Family } from "./family";
import { Gates } from "./gates";
import { modelVersionQuery } from "./queries";
import { Report } from "./report";

type Version = Schemas["ModelVersionDetail"];

/** One model version: evidence first, then what it was made from. */
export function VersionPage() {
  const params = useParams({ strict: false });
  const [name, number] = [params.name ?? "", Number(params.number)];
  const query = useQuery(modelVersionQuery(name, number));
  return (
    <Page
      title={`${name}@${number}`}
      within={{ to: `/models/${name}`, label: name }}
      lead={query.data && <Lead version={query.data} />}
      aside={<LineageButton ref_={`model:${name}@${number}`} />}
    >
      <Loaded query={query}>{(version) => <Body version={version} />}</Loaded>
    </Page>
  );
}

function Lead({ version }: { version: Version }) {
  return (
    <>
      <State state={version.state} />
      {version.traffic > 0 && (
        <State state="live" label={`serves ${formatShare(version.traffic)} of the traffic`} />
      )}
      <span>
        {version.flavour}, {version.task}, made <Ago at={version.created_at} />
      </span>
    </>
  );
}

function Body({ version }: { version: Version }) {
  return (
    <>
      {Object.keys(version.metrics).length > 0 && (
        <Figures>
          {Object.entries(version.metrics)
            .slice(0, 6)
            .map(([name, value]) => (
              <Figure key={name} label={name} value={formatNumber(value)} />
            ))}
        </Figures>
      )}
      <Columns wide>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          <Gates version={version} />
          <Family self={version.ref} family={version.family} />
          {version.has_report && <Report name={version.model} number={version.number} />}
        </div>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          <Sources version={version} />
          <SignaturePanel signature={version.signature} />
          <Panel title="Parameters">
            <Facts>
              {Object.entries(version.params).map(([name, value]) => (
                <Fact key={name} name={name}>
                  <code>{value}</code>
                </Fact>
              ))}
            </Facts>
          </Panel>
        </div>
      </Columns>
    </>
  );
}

function Sources({ version }: { version: Version }) {
  const key = version.attestation.key_id;
  return (
    <Panel title="Made from">
      <Facts>
        {version.made_by && (
          <Fact name="Run">
            <RefLink ref_={`run:${version.made_by}`}>{version.pipeline || "run"}</RefLink>
          </Fact>
        )}
        {version.code && (
          <Fact name="Code">
            <RefLink ref_={version.code} />
          </Fact>
        )}
        <Fact name="Answers by">{version.execution}</Fact>
        {version.datasets.map((ref) => (
          <Fact key={ref} name="Data">
            <RefLink ref_={ref} />
          </Fact>
        ))}
        {version.parent && (
          <Fact name="Fine-tuned from">
            <RefLink ref_={version.parent} />
          </Fact>
        )}
        {version.champion && (
          <Fact name="Compared with">
            <RefLink ref_={version.champion} />
          </Fact>
        )}
        <Fact name="Package">
          <Code value={version.package} />
        </Fact>
        <Fact name="Environment">
          <Code value={version.lock} />
        </Fact>
        <Fact name="Signed by">{typeof key === "string" ? <Code value={key} /> : "nobody"}</Fact>
      </Facts>
    </Panel>
  );
}

interface Tensor {
  name: string;
  datatype: string;
}

function SignaturePanel({ signature }: { signature: Record<string, unknown> }) {
  const inputs = (signature.inputs ?? []) as Tensor[];
  const outputs = (signature.outputs ?? []) as Tensor[];
  return (
    <Panel title="Signature" note={`${inputs.length} in, ${outputs.length} out`}>
      <Facts>
        {inputs.map((tensor) => (
          <Fact key={tensor.name} name={tensor.name}>
            <code>{tensor.datatype}</code>
          </Fact>
        ))}
        {outputs.map((tensor) => (
          <Fact key={tensor.name} name={`→ ${tensor.name}`}>
            <code>{tensor.datatype}</code>
          </Fact>
        ))}
      </Facts>
    </Panel>
  );
}
