import { withDefault } from "../../settings/setting.ts";
import { provider } from "../s3/provider.ts";
import { shared } from "../s3/settings.ts";
import { s3Store } from "../s3/storage.ts";
import { endpoint, pathStyle, region } from "../settings.ts";

export const { settings, readSettings, read, storage } = s3Store({
  adapter: "minio",
  settings: {
    ...shared,
    provider: withDefault("minio", provider),
    region: withDefault("us-east-1", region),
    endpoint,
    pathStyle: withDefault(true, pathStyle),
  },
  needsKey: true,
  load: () => import("./layer.ts"),
});
