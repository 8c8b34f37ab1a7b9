/** The icons: drawn on a grid of 24, one stroke, nothing filled. */

export interface IconProps {
  size?: number;
  stroke?: number;
}

export type Icon = (props: IconProps) => React.ReactNode;

/** Make an icon from the outlines of its parts (SVG path data). */
function drawn(...parts: string[]): Icon {
  return ({ size = 18, stroke = 1.7 }) => (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={stroke}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {parts.map((part) => (
        <path key={part} d={part} />
      ))}
    </svg>
  );
}

const ring = (x: number, y: number, r: number): string =>
  `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;

export const OverviewIcon = drawn("M4 4h7v9H4z", "M4 17h7v3H4z", "M15 11h5v9h-5z", "M15 4h5v3h-5z");
export const FolderIcon = drawn(
  "M3 18V6a1 1 0 0 1 1-1h5l2.5 3H20a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z",
);
export const DataIcon = drawn(
  "M4 6a8 2.8 0 1 0 16 0a8 2.8 0 1 0-16 0",
  "M4 6v12c0 1.6 3.6 2.8 8 2.8s8-1.2 8-2.8V6",
  "M4 12c0 1.6 3.6 2.8 8 2.8s8-1.2 8-2.8",
);
export const FeatureIcon = drawn(
  "M4 6h16",
  "M4 12h10",
  "M4 18h13",
  ring(17.5, 12, 1.6),
  ring(20, 18, 1),
);
export const LabelIcon = drawn("M3.5 11.5V5a1.5 1.5 0 0 1 1.5-1.5h6.5l9 9l-8 8z", ring(8, 8, 1.2));
export const RunIcon = drawn("M7 4.5v15L19.5 12z");
export const ModelIcon = drawn("M12 3l8 4.5v9L12 21l-8-4.5v-9z", "M4 7.5l8 4.5l8-4.5", "M12 12v9");
export const ReleaseIcon = drawn("M12 20V5", "M6 11l6-6l6 6", "M5 21h14");
export const RolloutIcon = drawn(
  "M4 12h5",
  "M20 6h-4c-4 0-3 6-7 6c4 0 3 6 7 6h4",
  "M18 4l2 2l-2 2",
  "M18 16l2 2l-2 2",
);
export const MonitorIcon = drawn("M3 12h4l3-8l4 16l3-8h4");
export const LineageIcon = drawn(
  ring(5.5, 6, 2.5),
  ring(5.5, 18, 2.5),
  ring(18.5, 12, 2.5),
  "M8 7.2l8 3.7",
  "M8 16.8l8-3.7",
);
export const ErasureIcon = drawn(
  "M8 20L3.5 15.5a1.5 1.5 0 0 1 0-2L13 4a1.5 1.5 0 0 1 2 0l5.5 5.5a1.5 1.5 0 0 1 0 2L12 20z",
  "M8.5 8.5l7.5 7.5",
  "M12 20h8",
);
export const IncidentIcon = drawn("M12 4L21 19.500H3z", "M12 10v4.500", "M12 17.200v.1");
export const LogIcon = drawn(
  "M6 3h11a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H6z",
  "M6 3v18",
  "M10 8h5",
  "M10 12h5",
);
export const DecisionIcon = drawn("M4 5h16", "M4 12h9", "M4 19h6", "M14.5 17.5l2.5 2.5l4.5-5");
export const CodeIcon = drawn("M8 7l-5 5l5 5", "M16 7l5 5l-5 5", "M14 4l-4 16");
export const ArtefactIcon = drawn("M4 8l8-4.5L20 8v8l-8 4.5L4 16z", "M4 8l8 4.5L20 8");
export const SearchIcon = drawn(ring(10.5, 10.5, 6.5), "M15.5 15.5L21 21");
export const SunIcon = drawn(
  ring(12, 12, 4),
  "M12 2.5v2",
  "M12 19.5v2",
  "M2.5 12h2",
  "M19.5 12h2",
  "M5.3 5.3l1.4 1.4",
  "M17.3 17.3l1.4 1.4",
  "M5.3 18.7l1.4-1.4",
  "M17.3 6.7l1.4-1.4",
);
export const MoonIcon = drawn("M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z");
export const UpIcon = drawn("M6 15l6-6l6 6");
export const DownIcon = drawn("M6 9l6 6l6-6");
export const CheckIcon = drawn("M5 12.5l5 5L19 7");
export const SaveIcon = drawn("M12 4v11", "M7 10.5l5 5l5-5", "M4 20h16");
export const FanIcon = drawn(
  ring(5, 12, 2),
  "M7 12h4",
  "M11 5v14",
  "M11 5h8",
  "M11 12h8",
  "M11 19h8",
);
export const TuneIcon = drawn(
  "M4 7h9",
  "M17 7h3",
  ring(15, 7, 2),
  "M4 17h3",
  "M11 17h9",
  ring(9, 17, 2),
);
export const ClockIcon = drawn(ring(12, 12, 8.5), "M12 7v5l3.5 2");
export const CoinIcon = drawn(
  "M3.5 8a7 3 0 1 0 14 0a7 3 0 1 0-14 0",
  "M3.5 8v5c0 1.7 3.1 3 7 3s7-1.300 7-3V8",
  "M8 15.9v1.600c0 1.7 2.800 3 6.300 3s6.200-1.300 6.200-3v-4c0-1.300-1.200-2.300-3-2.800",
);
export const WebhookIcon = drawn("M3 11l17-7l-7 17l-2.500-7.500z", "M10.500 13.500l4-4");
