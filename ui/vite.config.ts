import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server fills the nonce in for every answer; see src/towpath/server/pages.py.
export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  html: { cspNonce: "__NONCE__" },
  build: {
    outDir: "../src/towpath/server/static",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the policy admits fonts from files only
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8500" } },
});
