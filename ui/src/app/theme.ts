import { createTheme, type MantineColorsTuple } from "@mantine/core";

// Canal water leads forward, brass leads back; stone, ink and brick are the rest of the towpath.
const water: MantineColorsTuple = [
  "#e6f5f2",
  "#cfe8e3",
  "#a0d3c9",
  "#6dbdad",
  "#45aa97",
  "#2b9d89",
  "#15826f",
  "#0f6b5c",
  "#0a594d",
  "#03473d",
];
const brass: MantineColorsTuple = [
  "#fcf3e4",
  "#f3e4c9",
  "#e7c891",
  "#dbaa55",
  "#d19229",
  "#c9830f",
  "#a86c09",
  "#8b5906",
  "#764a03",
  "#5d3900",
];

export const theme = createTheme({
  primaryColor: "water",
  primaryShade: { light: 7, dark: 4 },
  colors: { water, brass },
  fontFamily: "'Instrument Sans Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  defaultRadius: 8,
  headings: { fontWeight: "600" },
  cursorType: "pointer",
});
