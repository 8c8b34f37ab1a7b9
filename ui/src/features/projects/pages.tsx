import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { capitalize, formatCount } from "@/design/format";
import { Json } from "@/design/json";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { Ago } from "@/design/time";
import styles from "./pages.module.css";
import { projectQuery, projectsQuery } from "./queries";

type Project = Schemas["Project"];

/** What a project holds: its kind, one of it, several, and where all of them are listed. */
const KINDS = [
  { kind: "dataset", one: "data set", several: "data sets", to: "/datasets" },
  { kind: "model", one: "model", several: "models", to: "/models" },
  { kind: "service", one: "service", several: "services", to: "/releases" },
  { kind: "pipeline_run", one: "pipeline run", several: "pipeline runs", to: "/runs" },
] as const;

/** Every project and what it holds. */
export function ProjectsPage() {
  return (
    <Page title="Projects" lead="What teams declare in Python, and what came of it.">
      <Loaded query={useQuery(projectsQuery)}>
        {(projects) =>
          projects.length === 0 ? (
            <Panel>
              <Empty title="No project yet" command="towpath init" />
            </Panel>
          ) : (
            <div className={styles.cards}>
              {projects.map((project) => (
                <Card key={project.name} project={project} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Page>
  );
}

function Card({ project }: { project: Project }) {
  return (
    <Link to={`/projects/${project.name}`} className={styles.card}>
      <h2>{project.name}</h2>
      <p>{project.description || "No description."}</p>
      <ul>
        {KINDS.map(({ kind, one, several }) => (
          <li key={kind}>
            <b>{formatCount(project.counts[kind] ?? 0)}</b>{" "}
            {project.counts[kind] === 1 ? one : several}
          </li>
        ))}
      </ul>
    </Link>
  );
}

/** One project: what it declares. */
export function ProjectPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(projectQuery(name));
  return (
    <Page
      title={name}
      within={{ to: "/projects", label: "Projects" }}
      lead={query.data?.description}
    >
      <Loaded query={query}>{(project) => <Declared project={project} />}</Loaded>
    </Page>
  );
}

function Declared({ project }: { project: Project }) {
  const { declaration } = project;
  const code = typeof declaration.code === "string" ? declaration.code : null;
  return (
    <>
      <Figures>
        {KINDS.map(({ kind, several, to }) => (
          <Figure
            key={kind}
            label={capitalize(several)}
            value={<Link to={to}>{formatCount(project.counts[kind] ?? 0)}</Link>}
          />
        ))}
      </Figures>
      <Columns wide>
        <Panel
          title="Declaration"
          note="As applied last; the project's Python is where it changes."
        >
          <Json value={declaration} />
        </Panel>
        <Panel title="About">
          <Facts>
            <Fact name="Owner">{project.owner || "–"}</Fact>
            <Fact name="Risk tier">{project.risk || "–"}</Fact>
            <Fact name="Code">{code ? <RefLink ref_={code} /> : "–"}</Fact>
            <Fact name="Applied">
              <Ago at={project.declared_at} />
            </Fact>
            <Fact name="Generation">{project.generation}</Fact>
          </Facts>
        </Panel>
      </Columns>
    </>
  );
}
