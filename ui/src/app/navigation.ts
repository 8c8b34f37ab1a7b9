import {
  IconActivity,
  IconAffiliate,
  IconBook2,
  IconDatabase,
  IconEraser,
  IconFolder,
  IconGitFork,
  IconHexagon3d,
  IconLayoutDashboard,
  IconPlayerPlay,
  IconRocket,
} from "@tabler/icons-react";

export interface Destination {
  to: string;
  label: string;
  icon: typeof IconActivity;
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
      { to: "/", label: "Overview", icon: IconLayoutDashboard },
      { to: "/projects", label: "Projects", icon: IconFolder },
    ],
  },
  {
    label: "Forward",
    way: "forward",
    destinations: [
      { to: "/datasets", label: "Data sets", icon: IconDatabase },
      { to: "/runs", label: "Runs", icon: IconPlayerPlay },
      { to: "/models", label: "Models", icon: IconHexagon3d },
      { to: "/releases", label: "Releases", icon: IconRocket },
      { to: "/rollouts", label: "Roll-outs", icon: IconGitFork },
      { to: "/monitors", label: "Monitors", icon: IconActivity },
    ],
  },
  {
    label: "Back",
    way: "back",
    destinations: [
      { to: "/lineage", label: "Lineage", icon: IconAffiliate },
      { to: "/erasures", label: "Erasures", icon: IconEraser },
      { to: "/log", label: "Log", icon: IconBook2 },
    ],
  },
];
