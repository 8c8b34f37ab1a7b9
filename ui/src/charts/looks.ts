import type { Palette } from "./palette";

/** What every ECharts drawing here has in common. */
export function looksOf(palette: Palette) {
  return {
    textStyle: { fontFamily: "'Instrument Sans Variable', system-ui", color: palette.muted },
    animationDuration: 300,
    grid: { left: 8, right: 12, top: 16, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      backgroundColor: palette.panel,
      borderColor: palette.line,
      textStyle: { color: palette.ink, fontSize: 12.5 },
      confine: true,
    },
  };
}

/** An axis with nothing on it but labels and faint lines. */
export function axisOf(palette: Palette) {
  return {
    axisLine: { lineStyle: { color: palette.line } },
    axisTick: { show: false },
    axisLabel: { color: palette.muted, fontSize: 12, hideOverlap: true },
    splitLine: { lineStyle: { color: palette.line } },
  };
}
