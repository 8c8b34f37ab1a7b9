import { type PointerEvent, useMemo, useRef, useState } from "react";
import type { Schemas } from "@/api/client";
import { shorten } from "@/design/format";
import styles from "./coordinates.module.css";
import { goodness, type Marked, ticksOf, within } from "./reading";

type Search = Schemas["SearchView"];
type Trial = Schemas["TrialView"];

interface CoordinatesProps {
  search: Search;
  /** The trial that is looked at, here or in the table. */
  chosen: number | null;
  onChoose: (number: number | null) => void;
  marked: Marked;
  onMark: (marked: Marked) => void;
}

const WIDTH = 1000;
const HEIGHT = 300;
const TOP = 34;
const BOTTOM = 14;
const SIDE = 60;
const LEAST = 0.02;

/**
 * Parallel coordinates: an axis for each parameter and objective, a line for each trial, the better
 * the stronger. Drag along an axis to keep only the trials that pass there; click it to let go.
 */
export function Coordinates({ search, chosen, onChoose, marked, onMark }: CoordinatesProps) {
  const axes = useMemo(() => axesOf(search), [search]);
  const good = useMemo(() => goodness(search), [search]);
  const lines = search.trials
    .filter((trial) => trial.state !== "running")
    .sort((a, b) => (good.get(a.number) ?? -1) - (good.get(b.number) ?? -1));
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      className={styles.drawing}
      role="img"
      aria-label="Parameters and objectives of every trial"
      onPointerLeave={() => onChoose(null)}
    >
      {lines.map((trial) => (
        <path
          key={trial.number}
          d={pathOf(trial, axes)}
          className={styles.line}
          data-state={trial.state}
          data-out={!within(placesOf(trial, axes), marked) || undefined}
          data-chosen={trial.number === chosen || undefined}
          style={{ "--good": good.get(trial.number) ?? 0 } as React.CSSProperties}
          onPointerEnter={() => onChoose(trial.number)}
        />
      ))}
      {axes.map((axis, at) => (
        <AxisLine
          key={axis.name}
          axis={axis}
          x={xOf(at, axes.length)}
          mark={marked[axis.name]}
          onMark={(mark) => {
            const { [axis.name]: _, ...others } = marked;
            onMark(mark ? { ...others, [axis.name]: mark } : others);
          }}
        />
      ))}
    </svg>
  );
}

interface Drawn {
  name: string;
  title: string;
  ticks: { place: number; text: string }[];
  place: (trial: Trial) => number | undefined;
}

/** The parameters' axes, then one for each objective with its better end up. */
function axesOf(search: Search): Drawn[] {
  const params = search.axes.map((axis) => ({
    name: axis.name,
    title: axis.log ? `${axis.name} (log)` : axis.name,
    ticks: ticksOf(axis),
    place: (trial: Trial) => trial.places[axis.name],
  }));
  const objectives = search.summary.objectives.map(({ metric, direction }, at) => {
    const values = search.trials
      .filter((trial) => trial.state === "done")
      .flatMap((trial) => trial.values.slice(at, at + 1));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const up = direction === "maximize";
    const ends = { name: metric, kind: "float", low, high, log: false, choices: [] };
    return {
      name: `→ ${metric}`,
      title: metric,
      ticks: values.length > 0 ? ticksOf(up ? ends : { ...ends, low: high, high: low }) : [],
      place: (trial: Trial) => {
        const value = trial.state === "done" ? trial.values[at] : undefined;
        if (value === undefined) return undefined;
        const share = high === low ? 1 : (value - low) / (high - low);
        return up ? share : 1 - share;
      },
    };
  });
  return [...params, ...objectives];
}

const xOf = (at: number, count: number): number =>
  SIDE + (count < 2 ? 0.5 : at / (count - 1)) * (WIDTH - 2 * SIDE);

const yOf = (place: number): number => HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM);

function pathOf(trial: Trial, axes: Drawn[]): string {
  const points = axes.flatMap((axis, at) => {
    const place = axis.place(trial);
    return place === undefined ? [] : [[xOf(at, axes.length), yOf(place)] as const];
  });
  return points
    .map(([x, y], at) => `${at === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
}

const placesOf = (trial: Trial, axes: Drawn[]) => ({
  places: Object.fromEntries(
    axes.flatMap((axis) => {
      const place = axis.place(trial);
      return place === undefined ? [] : [[axis.name, place]];
    }),
  ),
});

interface AxisProps {
  axis: Drawn;
  x: number;
  mark?: [number, number];
  onMark: (mark: [number, number] | null) => void;
}

function AxisLine({ axis, x, mark, onMark }: AxisProps) {
  const from = useRef<number | null>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const shown = drag ?? mark;
  const placeAt = (event: PointerEvent<SVGRectElement>): number => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, 1 - (event.clientY - box.top) / box.height));
  };
  return (
    <g>
      <text x={x} y={14} className={styles.title}>
        {shorten(axis.title, 16)}
      </text>
      <line x1={x} x2={x} y1={yOf(1)} y2={yOf(0)} className={styles.axis} />
      {axis.ticks.map(({ place, text }) => (
        <text key={text} x={x + 7} y={yOf(place) + 4} className={styles.tick}>
          {shorten(text, 12)}
        </text>
      ))}
      {shown && (
        <rect
          x={x - 8}
          width={16}
          y={yOf(shown[1])}
          height={yOf(shown[0]) - yOf(shown[1])}
          className={styles.mark}
        />
      )}
      <rect
        x={x - 14}
        width={28}
        y={yOf(1)}
        height={yOf(0) - yOf(1)}
        className={styles.grip}
        onPointerDown={(event) => {
          from.current = placeAt(event);
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          if (from.current === null) return;
          const to = placeAt(event);
          setDrag([Math.min(from.current, to), Math.max(from.current, to)]);
        }}
        onPointerUp={() => {
          onMark(drag && drag[1] - drag[0] > LEAST ? drag : null);
          from.current = null;
          setDrag(null);
        }}
      >
        <title>{`Drag along ${axis.title} to keep only what passes there`}</title>
      </rect>
    </g>
  );
}
