import {
  ClockIcon,
  CoinIcon,
  DataIcon,
  DecisionIcon,
  ErasureIcon,
  FeatureIcon,
  FolderIcon,
  type Icon,
  IncidentIcon,
  LabelIcon,
  LineageIcon,
  LogIcon,
  ModelIcon,
  MonitorIcon,
  OverviewIcon,
  ReleaseIcon,
  RolloutIcon,
  RunIcon,
  TuneIcon,
  WebhookIcon,
} from "@/design/icons";

export interface Destination {
  to: string;
  label: string;
  icon: Icon;
}

export interface Direction {
  label: string;
  way: "home" | "forward" | "back";
  destinations: Destination[];
}

/** The towpath is walked both ways, and so is the menu. */
export const DIRECTIONS: Direction[] = [
  {
    label: "",
    way: "home",
    destinations: [
      { to: "/", label: "Overview", icon: OverviewIcon },
      { to: "/projects", label: "Projects", icon: FolderIcon },
      { to: "/spend", label: "Spend", icon: CoinIcon },
    ],
  },
  {
    label: "Forward",
    way: "forward",
    destinations: [
      { to: "/datasets", label: "Data sets", icon: DataIcon },
      { to: "/features", label: "Features", icon: FeatureIcon },
      { to: "/labels", label: "Labels", icon: LabelIcon },
      { to: "/schedules", label: "Schedules", icon: ClockIcon },
      { to: "/runs", label: "Runs", icon: RunIcon },
      { to: "/searches", label: "Searches", icon: TuneIcon },
      { to: "/models", label: "Models", icon: ModelIcon },
      { to: "/releases", label: "Releases", icon: ReleaseIcon },
      { to: "/rollouts", label: "Rollouts", icon: RolloutIcon },
      { to: "/monitors", label: "Monitors", icon: MonitorIcon },
      { to: "/webhooks", label: "Webhooks", icon: WebhookIcon },
    ],
  },
  {
    label: "Back",
    way: "back",
    destinations: [
      { to: "/decisions", label: "Decisions", icon: DecisionIcon },
      { to: "/incidents", label: "Incidents", icon: IncidentIcon },
      { to: "/lineage", label: "Lineage", icon: LineageIcon },
      { to: "/erasures", label: "Erasures", icon: ErasureIcon },
      { to: "/log", label: "Log", icon: LogIcon },
    ],
  },
];
