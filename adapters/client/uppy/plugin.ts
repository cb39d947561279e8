import {
  BasePlugin,
  type Body,
  EventManager,
  type Meta,
  type PluginOpts,
  type Uppy,
  type UppyFile,
} from "@uppy/core";
import { filterFilesToEmitUploadStarted, filterFilesToUpload } from "@uppy/core/utils";
import {
  type Client,
  type RetryState,
  typeInWords,
  type UploadError,
  type UploadOptions,
  type UploadResult,
  type UploadTask,
} from "../client.ts";

/** The `response.body` of an uploaded file; `Data` is the type of its `serverData`. */
export type UploadBody<Data = unknown> = {
  [Name in keyof UploadResult<Data>]: UploadResult<Data>[Name];
};

/** Options of the plugin: the client, and options of each upload. */
export interface ValetkeyOptions
  extends PluginOpts, Pick<UploadOptions, "policy" | "checksum" | "multipart" | "retry"> {
  readonly client: Client;
  /** The names of the members of a file's `meta` that are sent as its `metadata`. */
  readonly allowedMetaFields?: ReadonlyArray<string> | undefined;
}

/**
 * Uploads the files of Uppy 6 by a client: `new Uppy<Meta, UploadBody>().use(Valetkey, { client })`.
 * A file is uploaded once the service has confirmed it.
 */
export class Valetkey<M extends Meta, B extends Body> extends BasePlugin<ValetkeyOptions, M, B> {
  readonly #events: EventManager<M, B>;
  readonly #tasks = new Map<string, UploadTask>();
  /** Uploads that have failed, with the file that they continue with. */
  readonly #failed = new Map<string, { task: UploadTask; file: UppyFile<M, B> }>();

  constructor(uppy: Uppy<M, B>, options: ValetkeyOptions) {
    super(uppy, options);
    this.id = options.id ?? "Valetkey";
    this.type = "uploader";
    this.defaultLocale = {
      strings: {
        copying: "A file has arrived, and is copied to its place.",
        scanning: "A file has arrived, and is being checked.",
      },
    };
    this.i18nInit();
    this.#events = new EventManager(uppy);
  }

  override install(): void {
    this.#setResumable(true);
    this.uppy.addUploader(this.#upload);
    this.#events.on("file-removed", (file) => void this.#discard(file).catch(this.#warn));
    this.#events.on("upload-pause", (file, isPaused) =>
      this.#tasks.get(file?.id ?? "")?.[isPaused ? "pause" : "resume"](),
    );
    this.#events.on("pause-all", () => this.#tasks.forEach((task) => task.pause()));
    this.#events.on("resume-all", () => this.#tasks.forEach((task) => task.resume()));
    this.#restrict().catch(this.#warn);
  }

  override uninstall(): void {
    this.#setResumable(false);
    this.uppy.removeUploader(this.#upload);
    this.#events.remove();
    this.#tasks.forEach((task) => task.abort());
  }

  readonly #warn = (cause: Error) => this.uppy.log(cause.message, "warning");

  /** Makes the Dashboard offer to pause. */
  #setResumable(resumableUploads: boolean) {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({ capabilities: { ...capabilities, resumableUploads } });
  }

  /** Ends the upload of a file, and removes its parts, also those of an earlier page. */
  async #discard({ id, meta, size, data, isRestored }: UppyFile<M, B>) {
    (this.#tasks.get(id) ?? this.#failed.get(id)?.task)?.abort();
    this.#failed.delete(id);
    if (!isRestored || this.#tasks.has(id)) return;
    for (const begun of await this.opts.client.pending()) {
      const { lastModified = begun.lastModified } = (data ?? {}) as Partial<File>;
      const isSame = begun.filename === meta.name && begun.size === size;
      if (isSame && begun.lastModified === lastModified) await begun.discard();
    }
  }

  /** Takes over the limits of the policy; stricter restrictions of the page stay. */
  async #restrict() {
    const { client, policy: name = "files", multipart } = this.opts;
    const policy = (await client.policies()).find((each) => each.name === name);
    if (policy === undefined) return;
    const { maxSize, allowedTypes, extensions } = policy;
    const { restrictions } = this.uppy.opts;
    const largest = Math.max(maxSize, (multipart !== false && policy.multipart?.maxSize) || 0);
    this.uppy.setOptions({
      restrictions: {
        maxFileSize: Math.min(restrictions.maxFileSize ?? Infinity, largest),
        allowedFileTypes: restrictions.allowedFileTypes ?? [
          ...allowedTypes,
          ...Object.keys(extensions),
        ],
      },
    });
    if (restrictions.allowedFileTypes) return;
    // Uppy would show all of them to a person.
    const { strings } = this.uppy.locale as { strings: Record<string, string> };
    const types = allowedTypes.map(typeInWords).join(", ");
    strings[ONLY] = `${strings[ONLY]}`.replace("%{types}", types);
  }

  readonly #upload = async (ids: Array<string>) => {
    const files = filterFilesToUpload(this.uppy.getFilesByIds(ids));
    this.uppy.emit("upload-start", filterFilesToEmitUploadStarted(files));
    await Promise.all(files.map((file) => this.#uploadFile(file)));
  };

  async #uploadFile(file: UppyFile<M, B>) {
    const { id } = file;
    const { uppy } = this;
    const failed = this.#failed.get(id);
    this.#failed.delete(id);
    // A person may have edited the content or the name meanwhile.
    const isSame = failed?.file.data === file.data && failed?.file.meta === file.meta;
    let task = isSame ? failed?.task.retry() : undefined;
    try {
      task ??= this.#begin(file);
      this.#tasks.set(id, task);
      if (file.isPaused) task.pause();
      const body = { ...(await task) } as unknown as B & UploadResult;
      const { getUrl: uploadURL, size: bytesUploaded } = body;
      const response = { status: 200, uploadURL, bytesUploaded, body };
      uppy.emit("upload-success", uppy.getFile(id), response);
    } catch (cause) {
      const { code, message, userMessage = message } = cause as UploadError;
      if (code === "aborted") return;
      if (task !== undefined) this.#failed.set(id, { task, file });
      uppy.log(message, "error");
      // Uppy shows the message to a person.
      const error = Object.create(cause as Error, { message: { value: userMessage } });
      uppy.emit("upload-error", uppy.getFile(id), error);
    } finally {
      // The same file may have been added again meanwhile.
      if (this.#tasks.get(id) === task) this.#tasks.delete(id);
    }
  }

  #begin(file: UppyFile<M, B>): UploadTask {
    const { client, policy, checksum, multipart, retry, allowedMetaFields: names } = this.opts;
    const { id, meta, type } = file;
    const pairs = names?.flatMap((name) => (meta[name] == null ? [] : [[name, `${meta[name]}`]]));
    return client.upload(dataFrom(file), {
      policy,
      checksum,
      multipart,
      retry,
      metadata: pairs && Object.fromEntries(pairs),
      filename: meta.name,
      // A person may have renamed the file.
      path: meta.relativePath?.split("/").toSpliced(-1, 1, meta.name).join("/") ?? "",
      // Uppy's type for what it does not know; the policy may know it.
      contentType: type === "application/octet-stream" ? "" : type,
      onProgress: ({ sent: bytesUploaded, total: bytesTotal, retrying }) => {
        const current = this.uppy.getFile(id);
        const uploadStarted = current?.progress.uploadStarted ?? Date.now();
        this.uppy.emit("upload-progress", current, { uploadStarted, bytesUploaded, bytesTotal });
        if (retrying) this.#showWait(retrying);
      },
    });
  }

  /** Shows once what the service does with files that have arrived, until it is asked again. */
  #showWait({ reason, delay }: RetryState) {
    if (reason !== "copying" && reason !== "scanning") return;
    const message = this.i18n(reason);
    const isShown = this.uppy.getState().info.some((info) => info.message === message);
    if (!isShown) this.uppy.info(message, "info", delay);
  }
}

/** Uppy's name for the sentence about types. */
const ONLY = "youCanOnlyUploadFileTypes";

function dataFrom({ isRemote, data, name }: UppyFile<Meta, Body>): Blob {
  if (!isRemote && data) return data;
  throw new Error(
    isRemote
      ? `${name} is not on this device, and cannot be uploaded from where it is. Download it, then add it from this device.`
      : `The content of ${name} is gone. Choose the file again.`,
  );
}
