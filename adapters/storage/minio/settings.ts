import * as Result from "effect/Result";
import { keyFaults, keySettings } from "../credentials/key-settings.ts";
import {
  fault,
  type Read,
  readSettings,
  type Values,
  withDefault,
} from "../../settings/setting.ts";
import type { Source, Text, Vocabulary } from "../../settings/source.ts";
import type { CertificateInUse } from "../certificate/in-use.ts";
import { certificateSettings, readCertificate } from "../certificate/read.ts";
import { provider } from "../providers.ts";
import * as storage from "../settings.ts";

export const settings = {
  provider: withDefault("minio", provider),
  bucket: storage.bucket,
  createBucket: storage.createBucket,
  ...certificateSettings,
  region: withDefault("us-east-1", storage.region),
  endpoint: storage.endpoint,
  publicEndpoint: storage.publicEndpoint,
  ...keySettings,
  pathStyle: withDefault(true, storage.pathStyle),
};

export interface MinioSettings extends Omit<
  Values<typeof settings>,
  keyof typeof certificateSettings
> {
  readonly certificate?: CertificateInUse | undefined;
  readonly words?: Vocabulary | undefined;
}

export const read = (source: Source): Read<MinioSettings> => {
  const read = readSettings(settings, source, (values) => {
    const { accessKey, secretKey, credentialsFile } = values;
    const isKeyless = [accessKey, secretKey, credentialsFile].every((value) => value === undefined);
    const missing: Text = ({ name }) => `must be set, or ${name(settings.credentialsFile)} instead`;
    return [
      ...storage.addressingFaults(values),
      ...(isKeyless
        ? [fault(settings.accessKey, missing), fault(settings.secretKey, missing)]
        : keyFaults(values)),
    ];
  });
  return Result.flatMap(read, ({ certificate, acceptBroken, ...values }) =>
    Result.map(
      readCertificate({ certificate, acceptBroken }, { adapter: "minio", ...values }),
      (certificate) => ({ ...values, certificate, words: source.words }),
    ),
  );
};
