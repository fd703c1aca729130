/** How a cluster's operator has a version misbehave on purpose: by a Secret, which is not there unless somebody makes it. */
import { versionName } from "@row/mesh/generate/services.ts";
import type { MeshedService } from "@row/topology/service-manifest.ts";
import type { IContainer, IEnvVar, IVolume } from "kubernetes-models/v1";

const VOLUME = "behaviour";
const FOLDER = "/behaviour";
/** For the pod's user by its group alone. */
const READ_BY_OWNER_AND_GROUP = 0o440;

/** Where the process looks. */
export const BEHAVIOUR_VARIABLE: IEnvVar = { name: "BEHAVIOUR_FILE", value: `${FOLDER}/behaviour.json` };

export const BEHAVIOUR_MOUNT: NonNullable<IContainer["volumeMounts"]>[number] = {
  name: VOLUME,
  mountPath: FOLDER,
  readOnly: true,
};

/** catalog-v1-behaviour, with the key behaviour.json. */
export function behaviourVolume({ name }: MeshedService): IVolume {
  const secretName = `${versionName(name)}-behaviour`;
  return { name: VOLUME, secret: { secretName, optional: true, defaultMode: READ_BY_OWNER_AND_GROUP } };
}
