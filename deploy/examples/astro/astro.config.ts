import node from "@astrojs/node";
import { defineConfig } from "astro/config";

export default defineConfig({
  output: "server",
  adapter: node({ mode: "middleware" }),
  // It loads the client of the store that is chosen.
  vite: { ssr: { external: ["valetkey"] } },
});
