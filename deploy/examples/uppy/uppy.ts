import { type Body, type Meta, Uppy, type UppyFile } from "@uppy/core";
import { filterFilesToUpload } from "@uppy/core/utils";
import { createClient, type UploadError, type UploadTask } from "valetkey/client";

const client = createClient({
  endpoint: "https://uploads.example.com",
  organization: "acme",
  token: async () => (await fetch("/upload-token")).text(),
});

export const uppy = new Uppy<Meta, Body>();
const tasks = new Map<string, UploadTask>();

uppy.on("file-removed", ({ id }) => tasks.get(id)?.abort());
uppy.addUploader(async (ids) => {
  const files = filterFilesToUpload(uppy.getFilesByIds(ids));
  uppy.emit("upload-start", files);
  await Promise.all(files.map(upload));
});

async function upload(file: UppyFile<Meta, Body>) {
  const uploadStarted = Date.now();
  const task = client.upload(file.data as Blob, {
    filename: file.meta.name,
    onProgress: ({ sent, total }) => {
      const progress = { uploadStarted, bytesUploaded: sent, bytesTotal: total };
      uppy.emit("upload-progress", file, progress);
    },
  });
  tasks.set(file.id, task);
  try {
    const body = { ...(await task) };
    uppy.emit("upload-success", file, { status: 200, uploadURL: body.getUrl, body });
  } catch (cause) {
    const { code, name, message, userMessage = message } = cause as UploadError;
    if (code !== "aborted") uppy.emit("upload-error", file, { name, message: userMessage });
  }
}
