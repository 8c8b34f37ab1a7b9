import { lazy, Suspense, useMemo } from "react";
import type { Schemas } from "@/api/client";
import { axisOf, looksOf } from "@/charts/looks";
import { usePalette } from "@/charts/palette";
import { formatDay } from "@/design/format";
import { formatMoney } from "@/design/money";
import { stackedBy } from "./stacking";

const EChart = lazy(() => import("@/charts/echart"));

const HEIGHT = 260;

interface DaysProps {
  days: Schemas["DailySpend"][];
  currency: string;
  now: string;
}

/** Spend by day of event time, a colour a project. */
export function Days({ days, currency, now }: DaysProps) {
  const palette = usePalette();
  const option = useMemo(() => {
    const { dates, stacks } = stackedBy(days, now);
    return {
      ...looksOf(palette),
      grid: { left: 8, right: 12, top: 34, bottom: 4, containLabel: true },
      legend: {
        top: 0,
        right: 0,
        icon: "roundRect",
        itemWidth: 12,
        itemHeight: 8,
        textStyle: { color: palette.muted, fontSize: 12.5 },
      },
      tooltip: {
        ...looksOf(palette).tooltip,
        valueFormatter: (value: number) => formatMoney(value, currency),
      },
      xAxis: { ...axisOf(palette), type: "category", data: dates.map((date) => formatDay(date)) },
      yAxis: {
        ...axisOf(palette),
        type: "value",
        axisLabel: {
          ...axisOf(palette).axisLabel,
          formatter: (value: number) => formatMoney(value, currency),
        },
      },
      series: stacks.map(({ name, values }, place) => ({
        name,
        type: "bar",
        stack: "spend",
        barCategoryGap: "22%",
        itemStyle: { color: palette.series[place % palette.series.length] },
        data: values,
      })),
    };
  }, [days, currency, now, palette]);
  return (
    <Suspense fallback={<div style={{ height: HEIGHT }} />}>
      <EChart option={option} height={HEIGHT} label="Spend by day and project" />
    </Suspense>
  );
}
