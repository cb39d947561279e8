import { index, type RouteConfig, route } from "@react-router/dev/routes";

export default [
  index("routes/home.tsx"),
  route("api/v1/orgs/:slug/files/*", "routes/valetkey.ts", { id: "files" }),
  route("f/*", "routes/valetkey.ts", { id: "links" }),
  // Of the embedded store alone.
  route("store/*", "routes/valetkey.ts", { id: "store" }),
  route("login", "routes/login.ts"),
  route("attachments", "routes/attachments.ts"),
  route("*", "routes/nowhere.ts"),
] satisfies RouteConfig;
