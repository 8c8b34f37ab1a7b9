import { useComputedColorScheme } from "@mantine/core";
import { useMemo } from "react";

const SERIES = 6;

export interface Palette {
  dark: boolean;
  ink: string;
  muted: string;
  line: string;
  panel: string;
  good: string;
  warn: string;
  bad: string;
  active: string;
  forward: string;
  back: string;
  series: string[];
}

/** The scheme's colours as values, for what is drawn on a canvas. */
export function usePalette(): Palette {
  const scheme = useComputedColorScheme("light");
  return useMemo(() => read(scheme === "dark"), [scheme]);
}

function read(dark: boolean): Palette {
  const probe = getComputedStyle(document.documentElement);
  const value = (name: string) => probe.getPropertyValue(`--${name}`).trim();
  return {
    dark,
    ink: value("ink"),
    muted: value("ink-3"),
    line: value("line"),
    panel: value("panel"),
    good: value("good"),
    warn: value("warn"),
    bad: value("bad"),
    active: value("active"),
    forward: value("forward"),
    back: value("back"),
    series: Array.from({ length: SERIES }, (_, place) => value(`series-${place + 1}`)),
  };
}

/** The same colour for the same model version on every chart: by its number. */
export function colorOfModel(palette: Palette, ref: string): string {
  const number = Number(ref.slice(ref.lastIndexOf("@") + 1)) || 1;
  return palette.series[(number - 1) % palette.series.length] ?? palette.forward;
}

/** Likewise, as a CSS value. */
export function cssColorOfModel(ref: string): string {
  const number = Number(ref.slice(ref.lastIndexOf("@") + 1)) || 1;
  return `var(--series-${((number - 1) % SERIES) + 1})`;
}
