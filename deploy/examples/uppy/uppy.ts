import { type Meta, Uppy } from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import GoldenRetriever from "@uppy/golden-retriever";
import { createClient } from "valetkey/client";
import { type UploadBody, Valetkey } from "valetkey/uppy";
import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

const client = createClient({
  endpoint: "https://uploads.example.com",
  organization: "acme",
  token: async () => (await fetch("/upload-token")).text(),
});

export const uppy = new Uppy<Meta, UploadBody>()
  .use(Valetkey, { client })
  .use(Dashboard, { target: "#uploads", inline: true })
  .use(GoldenRetriever);

uppy.on("upload-success", (file, { body }) => console.log(file?.name, body?.fileUrl));
