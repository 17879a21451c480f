import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const client = fileURLToPath(new URL("../protocol/typescript/src", import.meta.url));

export default defineConfig({
  plugins: [svelte()],
  clearScreen: false,
  resolve: {
    // the client's sources: a change in them shows at once, and nothing has to be built first
    alias: [
      { find: /^@ai-sidecar\/client$/, replacement: `${client}/index.ts` },
      { find: /^@ai-sidecar\/client\/tauri$/, replacement: `${client}/tauri.ts` },
    ],
    dedupe: ["@tauri-apps/api"],
  },
  server: { port: 5173, strictPort: true },
  build: {
    target: "safari16",
    // each of these would need a hole in the content security policy
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 300,
  },
  test: { include: ["tests/**/*.test.ts"], isolate: false },
});
