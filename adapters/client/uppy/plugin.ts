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
  type ClientOptions,
  createClient,
  type RetryState,
  UploadError,
  type UploadOptions,
  type UploadStorage,
  type UploadTask,
} from "../client.ts";

/** Options of the plugin, for the client and for each of its uploads. */
export interface ValetkeyOptions
  extends
    PluginOpts,
    Omit<ClientOptions, "storage">,
    Pick<UploadOptions, "policy" | "checksum" | "multipart"> {
  /** The names of what a file's `meta` has for its `metadata`. */
  readonly allowedMetaFields?: ReadonlyArray<string> | undefined;
}

declare module "@uppy/core" {
  interface UppyEventMap<M extends Meta, B extends Body> {
    "restore:plugin-data-changed": (data: Record<string, unknown>) => void;
  }
}

/**
 * Uploads the files of Uppy 6 through Valetkey: `uppy.use(Valetkey, { endpoint, organization, token
 * })`. The `response.body` of `upload-success` is the `UploadResult` of the client.
 */
export class Valetkey<M extends Meta, B extends Body> extends BasePlugin<ValetkeyOptions, M, B> {
  readonly #client: Client;
  readonly #events: EventManager<M, B>;
  readonly #tasks = new Map<string, UploadTask>();
  /** Uploads that failed, to be continued, with the content of their files. */
  readonly #failed = new Map<string, { readonly task: UploadTask; readonly data: unknown }>();
  /** The client's memories of uploads in parts; Golden Retriever keeps them across a reload. */
  readonly #begun = new Map<string, string>();

  /** Throws a `TypeError` if an option cannot be used. */
  constructor(uppy: Uppy<M, B>, options: ValetkeyOptions) {
    super(uppy, options);
    this.id = options.id ?? "Valetkey";
    this.type = "uploader";
    this.defaultLocale = {
      strings: {
        copying: "A file has arrived, and is taken to its place.",
        scanning: "A file has arrived, and is being scanned.",
      },
    };
    this.i18nInit();
    const begun = this.#begun;
    const keep = (_done: unknown) =>
      uppy.emit("restore:plugin-data-changed", { [this.id]: Object.fromEntries(begun) });
    const storage: UploadStorage = {
      get: (key) => begun.get(key),
      set: (key, value) => keep(begun.set(key, value)),
      delete: (key) => keep(begun.delete(key)),
      keys: () => begun.keys(),
    };
    this.#client = createClient({ ...options, storage });
    this.#events = new EventManager(uppy);
  }

  override install(): void {
    this.#setResumable(true);
    this.uppy.addUploader(this.#upload);
    this.#events.on("restored", (data) => {
      const kept = (data as Record<string, Record<string, string>> | undefined)?.[this.id] ?? {};
      for (const [key, value] of Object.entries(kept)) this.#begun.set(key, value);
    });
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

  /** Ends the upload of a file, and removes parts of it that an earlier attempt has left. */
  async #discard({ id, meta, size, data }: UppyFile<M, B>) {
    this.#failed.delete(id);
    const task = this.#tasks.get(id);
    if (task !== undefined) return task.abort();
    if (this.#begun.size === 0) return;
    const { lastModified } = (data ?? {}) as Partial<File>;
    for (const begun of await this.#client.pending()) {
      const isSame = begun.filename === meta.name && begun.size === size;
      if (isSame && (lastModified ?? begun.lastModified) === begun.lastModified) {
        await begun.discard();
      }
    }
  }

  #setResumable(resumableUploads: boolean) {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({ capabilities: { ...capabilities, resumableUploads } });
  }

  /** Takes over the limits of the policy; stricter restrictions of the page stay. */
  async #restrict() {
    const { policy: chosen = "files" } = this.opts;
    const policy = (await this.#client.policies()).find(({ name }) => name === chosen);
    if (policy === undefined) return;
    const { allowedTypes, extensions } = policy;
    const { restrictions, locale } = this.uppy.opts;
    const { maxFileSize, allowedFileTypes } = restrictions;
    const largest = Math.max(policy.maxSize, policy.multipart?.maxSize ?? 0);
    const all = Object.keys(extensions);
    if (!allowedFileTypes) {
      // Uppy would name all of them to a person: one of each type will do.
      const types = allowedTypes.map(
        (type) => all.find((each) => extensions[each] === type) ?? type,
      );
      const sentence = `${this.uppy.locale.strings[ONLY]}`.replace("%{types}", types.join(", "));
      // Its `setOptions` would give it to each plugin too.
      this.uppy.opts.locale = { ...locale, strings: { ...locale?.strings, [ONLY]: sentence } };
    }
    this.uppy.setOptions({
      restrictions: {
        ...restrictions,
        maxFileSize: Math.min(maxFileSize ?? Infinity, largest),
        allowedFileTypes: allowedFileTypes ?? [...allowedTypes, ...all],
      },
    });
  }

  /** Shows that the service is not ready with what has arrived, until it is asked again. */
  #showWait({ reason, delay }: RetryState) {
    if (reason !== "copying" && reason !== "scanning") return;
    const message = this.i18n(reason);
    const isShown = this.uppy.getState().info.some((info) => info.message === message);
    if (!isShown) this.uppy.info(message, "info", delay);
  }

  readonly #upload = async (ids: Array<string>) => {
    const files = filterFilesToUpload(this.uppy.getFilesByIds(ids));
    this.uppy.emit("upload-start", filterFilesToEmitUploadStarted(files));
    await Promise.all(files.map((file) => this.#uploadFile(file)));
  };

  async #uploadFile(file: UppyFile<M, B>) {
    const { policy, checksum, multipart, allowedMetaFields: names } = this.opts;
    const failed = this.#failed.get(file.id);
    this.#failed.delete(file.id);
    // The content may have been edited meanwhile.
    let task = failed && failed.data === file.data ? failed.task.retry() : undefined;
    try {
      task ??= this.#client.upload(dataFrom(file), {
        policy,
        checksum,
        multipart,
        metadata:
          names && Object.fromEntries(names.map((name) => [name, file.meta[name] as string])),
        filename: file.meta.name,
        // Uppy's type for what it does not know; the policy may know it.
        contentType: file.type === "application/octet-stream" ? "" : file.type,
        onProgress: ({ sent, total, retrying }) => {
          this.uppy.emit("upload-progress", file, {
            uploadStarted: file.progress.uploadStarted ?? Date.now(),
            bytesUploaded: sent,
            bytesTotal: total,
          });
          if (retrying) this.#showWait(retrying);
        },
      });
      this.#tasks.set(file.id, task);
      const result = await task;
      this.uppy.emit("upload-success", file, {
        status: 200,
        uploadURL: result.getUrl,
        bytesUploaded: result.size,
        body: { ...result } as unknown as B,
      });
    } catch (cause) {
      const { code, message, userMessage = message } = cause as UploadError;
      if (code === "aborted") return;
      if (task !== undefined) this.#failed.set(file.id, { task, data: file.data });
      this.uppy.log(message, "error");
      // Uppy shows the message to a person.
      const error = Object.create(cause as Error, { message: { value: userMessage } });
      this.uppy.emit("upload-error", file, error);
    } finally {
      // The same file may have been added again meanwhile.
      if (this.#tasks.get(file.id) === task) this.#tasks.delete(file.id);
    }
  }
}

/** Uppy's name for the sentence about types. */
const ONLY = "youCanOnlyUploadFileTypes";

function dataFrom({ isRemote, data, name }: UppyFile<Meta, Body>): Blob {
  if (!isRemote && data instanceof Blob) return data;
  throw new Error(
    isRemote
      ? `${name} is not on this device, and Valetkey cannot fetch it from where it is. Download it, and add it from this device.`
      : `The content of ${name} is gone. Choose the file again.`,
  );
}
