import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { type Asked, askedIn } from "@/features/decisions/asked";
import { isLabelView, type LabelView } from "@/features/labelling/view";
import { Shell } from "./shell";
import { Broken, Missing } from "./trouble";

const root = createRootRoute({
  component: Shell,
  notFoundComponent: Missing,
  errorComponent: Broken,
});

const under = () => root;

const routes = [
  createRoute({
    getParentRoute: under,
    path: "/",
    component: lazyRouteComponent(() => import("@/features/overview/page"), "OverviewPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/projects",
    component: lazyRouteComponent(() => import("@/features/projects/pages"), "ProjectsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/projects/$name",
    component: lazyRouteComponent(() => import("@/features/projects/pages"), "ProjectPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/runs",
    component: lazyRouteComponent(() => import("@/features/runs/list-page"), "RunsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/runs/$runId",
    component: lazyRouteComponent(() => import("@/features/runs/run-page"), "RunPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/searches",
    component: lazyRouteComponent(() => import("@/features/searches/list-page"), "SearchesPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/searches/$runId",
    component: lazyRouteComponent(() => import("@/features/searches/search-page"), "SearchPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/artifacts/$digest",
    component: lazyRouteComponent(() => import("@/features/artifacts/page"), "ArtifactPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/spend",
    component: lazyRouteComponent(() => import("@/features/spend/page"), "SpendPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/schedules",
    component: lazyRouteComponent(() => import("@/features/starts/page"), "StartsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/backfills/$name",
    component: lazyRouteComponent(() => import("@/features/starts/backfill-page"), "BackfillPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/datasets",
    component: lazyRouteComponent(() => import("@/features/datasets/list-page"), "DatasetsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/datasets/$name",
    component: lazyRouteComponent(() => import("@/features/datasets/dataset-page"), "DatasetPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/datasets/$name/diff",
    validateSearch: (search: Record<string, unknown>): { before?: string; after?: string } => ({
      before: typeof search.before === "string" ? search.before : undefined,
      after: typeof search.after === "string" ? search.after : undefined,
    }),
    component: lazyRouteComponent(() => import("@/features/datasets/diff-page"), "DiffPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/datasets/$name/$number",
    component: lazyRouteComponent(() => import("@/features/datasets/version-page"), "VersionPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/features",
    component: lazyRouteComponent(() => import("@/features/features/list-page"), "FeaturesPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/features/services/$name",
    component: lazyRouteComponent(() => import("@/features/features/service-page"), "ServicePage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/features/$name",
    component: lazyRouteComponent(() => import("@/features/features/view-page"), "ViewPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/labels",
    component: lazyRouteComponent(() => import("@/features/labelling/list-page"), "LabelsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/labels/$name",
    validateSearch: (search: Record<string, unknown>): { view?: LabelView } => ({
      view: isLabelView(search.view) ? search.view : undefined,
    }),
    component: lazyRouteComponent(() => import("@/features/labelling/queue-page"), "QueuePage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/models",
    component: lazyRouteComponent(() => import("@/features/models/list-page"), "ModelsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/models/$name",
    component: lazyRouteComponent(() => import("@/features/models/model-page"), "ModelPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/models/$name/$number",
    component: lazyRouteComponent(() => import("@/features/models/version-page"), "VersionPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/decisions",
    validateSearch: (search: Record<string, unknown>): Asked => askedIn(search),
    component: lazyRouteComponent(() => import("@/features/decisions/page"), "DecisionsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/decisions/$decisionId",
    component: lazyRouteComponent(
      () => import("@/features/decisions/decision-page"),
      "DecisionPage",
    ),
  }),
  createRoute({
    getParentRoute: under,
    path: "/releases",
    component: lazyRouteComponent(() => import("@/features/releases/page"), "ReleasesPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/releases/$number",
    component: lazyRouteComponent(() => import("@/features/releases/release-page"), "ReleasePage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/rollouts",
    component: lazyRouteComponent(() => import("@/features/rollouts/list-page"), "RolloutsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/rollouts/$name",
    component: lazyRouteComponent(() => import("@/features/rollouts/rollout-page"), "RolloutPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/monitors",
    component: lazyRouteComponent(() => import("@/features/monitors/list-page"), "MonitorsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/monitors/$name",
    component: lazyRouteComponent(() => import("@/features/monitors/monitor-page"), "MonitorPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/alerts/$name",
    component: lazyRouteComponent(() => import("@/features/monitors/alert-page"), "AlertPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/webhooks",
    component: lazyRouteComponent(() => import("@/features/webhooks/page"), "WebhooksPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/lineage",
    validateSearch: (search: Record<string, unknown>): { ref?: string; decision?: string } => ({
      ref: typeof search.ref === "string" ? search.ref : undefined,
      decision: typeof search.decision === "string" ? search.decision : undefined,
    }),
    component: lazyRouteComponent(() => import("@/features/lineage/page"), "LineagePage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/erasures",
    component: lazyRouteComponent(() => import("@/features/erasures/list-page"), "ErasuresPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/incidents",
    component: lazyRouteComponent(() => import("@/features/incidents/list-page"), "IncidentsPage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/incidents/$name",
    component: lazyRouteComponent(
      () => import("@/features/incidents/incident-page"),
      "IncidentPage",
    ),
  }),
  createRoute({
    getParentRoute: under,
    path: "/erasures/$id",
    component: lazyRouteComponent(() => import("@/features/erasures/erasure-page"), "ErasurePage"),
  }),
  createRoute({
    getParentRoute: under,
    path: "/log",
    component: lazyRouteComponent(() => import("@/features/log/page"), "LogPage"),
  }),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: "intent",
  scrollRestoration: true,
});
