// Distils the schemas of the kinds we serve from published OpenAPI documents into two small data files.
//
//   node test/config/distil-schemas.mjs <folder of kube-apiserver's /openapi/v3 documents> <openshift/api openapi.json> [out folder]
//
// schemas.json holds what the server acts on (types, required, enums, defaults, list and merge keys), descriptions.json the first
// sentence about each field, read only for /openapi/v3. The notation is explained in src/api/schema/notation.ts.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [kubernetesFolder, openshiftFile, out = 'src/api/schema'] = process.argv.slice(2);
if (!kubernetesFolder || !openshiftFile) throw new Error('usage: distil-schemas.mjs <openapi-v3 folder> <openshift openapi.json> [out folder]');

const kinds = {
  v1: 'Namespace Node Pod Binding Service Endpoints ConfigMap Secret ServiceAccount Event ReplicationController PersistentVolume PersistentVolumeClaim LimitRange ResourceQuota PodTemplate',
  'apps/v1': 'Deployment ReplicaSet StatefulSet DaemonSet ControllerRevision',
  'batch/v1': 'Job CronJob',
  'networking.k8s.io/v1': 'Ingress IngressClass NetworkPolicy',
  'autoscaling/v1': 'Scale HorizontalPodAutoscaler',
  'autoscaling/v2': 'HorizontalPodAutoscaler',
  'policy/v1': 'Eviction PodDisruptionBudget',
  'coordination.k8s.io/v1': 'Lease',
  'discovery.k8s.io/v1': 'EndpointSlice',
  'events.k8s.io/v1': 'Event',
  'storage.k8s.io/v1': 'StorageClass',
  'scheduling.k8s.io/v1': 'PriorityClass',
  'rbac.authorization.k8s.io/v1': 'Role RoleBinding ClusterRole ClusterRoleBinding',
  'authentication.k8s.io/v1': 'TokenRequest TokenReview SelfSubjectReview',
  'authorization.k8s.io/v1': 'SubjectAccessReview LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview',
  'project.openshift.io/v1': 'Project ProjectRequest',
  'build.openshift.io/v1': 'Build BuildConfig BuildRequest BinaryBuildRequestOptions',
  'apps.openshift.io/v1': 'DeploymentConfig DeploymentRequest DeploymentConfigRollback',
  'image.openshift.io/v1': 'Image ImageStream ImageStreamTag ImageStreamImage ImageStreamMapping ImageStreamImport ImageTag',
  'route.openshift.io/v1': 'Route',
  'template.openshift.io/v1': 'Template',
  'imageregistry.operator.openshift.io/v1': 'ImagePruner',
};
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const extras = { 'v1/DeleteOptions': `${meta}DeleteOptions`, 'v1/Status': `${meta}Status` };

const openshift = JSON.parse(readFileSync(openshiftFile, 'utf8')).definitions;
const sources = { ...openshift };
for (const file of readdirSync(kubernetesFolder)) Object.assign(sources, JSON.parse(readFileSync(join(kubernetesFolder, file), 'utf8')).components?.schemas);

// Custom resources of OpenShift stand in neither document; these are written from openshift/api imageregistry/v1 and operator/v1.
const text = (description) => ({ type: 'string', description });
const number = (description, format = 'int32') => ({ type: 'integer', format, description });
const flag = (description) => ({ type: 'boolean', description });
const core = (name, description) => ({ $ref: `#/components/schemas/io.k8s.api.core.v1.${name}`, description });
const pruner = 'com.github.openshift.api.imageregistry.v1.ImagePruner';
Object.assign(sources, {
  [pruner]: {
    description: 'ImagePruner is the configuration object for an image registry pruner managed by the registry operator.', required: ['spec'],
    properties: { apiVersion: text(), kind: text(), metadata: { $ref: `#/components/schemas/${meta}ObjectMeta` }, spec: { $ref: `#/components/schemas/${pruner}Spec` }, status: { $ref: `#/components/schemas/${pruner}Status` } },
  },
  [`${pruner}Spec`]: {
    description: 'ImagePrunerSpec defines the specs for the running image pruner.',
    properties: {
      schedule: text('schedule specifies when to execute the job using standard cronjob syntax.'),
      suspend: flag('suspend specifies whether or not to suspend subsequent executions of this cronjob.'),
      keepTagRevisions: number('keepTagRevisions specifies the number of image revisions for a tag in an image stream that will be preserved.'),
      keepYoungerThan: number('keepYoungerThan specifies the minimum age in nanoseconds of an image and its referrers for it to be considered a candidate for pruning.', 'int64'),
      keepYoungerThanDuration: text('keepYoungerThanDuration specifies the minimum age of an image and its referrers for it to be considered a candidate for pruning.'),
      resources: core('ResourceRequirements', 'resources defines the resource requests and limits for the image pruner pod.'),
      affinity: core('Affinity', 'affinity is a group of node affinity scheduling rules for the image pruner pod.'),
      nodeSelector: { type: 'object', additionalProperties: { type: 'string' }, description: 'nodeSelector defines the node selection constraints for the image pruner pod.' },
      tolerations: { type: 'array', items: core('Toleration'), description: 'tolerations defines the node tolerations for the image pruner pod.' },
      successfulJobsHistoryLimit: number('successfulJobsHistoryLimit specifies how many successful image pruner jobs to retain.'),
      failedJobsHistoryLimit: number('failedJobsHistoryLimit specifies how many failed image pruner jobs to retain.'),
      ignoreInvalidImageReferences: flag('ignoreInvalidImageReferences indicates whether the pruner can ignore errors while parsing image references.'),
      logLevel: text('logLevel sets the level of log output for the pruner job.'),
    },
  },
  [`${pruner}Status`]: {
    description: 'ImagePrunerStatus reports image pruner operational status.',
    properties: {
      observedGeneration: number('observedGeneration is the last generation change that has been applied.', 'int64'),
      conditions: { type: 'array', items: { $ref: `#/components/schemas/${pruner}Condition` }, description: 'conditions is a list of conditions and their status.', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
    },
  },
  [`${pruner}Condition`]: {
    description: 'OperatorCondition is just the standard condition fields.', required: ['type', 'status'],
    properties: { type: text(), status: text(), lastTransitionTime: { type: 'string', format: 'date-time' }, reason: text(), message: text() },
  },
});

const scalars = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
  [`${meta}Time`]: 'time',
  [`${meta}MicroTime`]: 'microTime',
  [`${meta}FieldsV1`]: 'any',
  [`${meta}Duration`]: 'string',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'any',
};

const types = {};
const descriptions = {};
const refOf = (schema) => (schema.$ref ?? schema.allOf?.[0]?.$ref)?.split('/').at(-1);

function scalarOf(schema) {
  if (schema.type === 'string') return schema.format === 'byte' ? 'bytes' : schema.format === 'date-time' ? 'time' : 'string';
  if (schema.type === 'integer') return schema.format === 'int64' ? 'int64' : 'int32';
  if (schema.type === 'number') return 'number';
  if (schema.type === 'boolean') return 'boolean';
  return 'any';
}

// Go's zero values appear as defaults in the documents; an absent field means the same.
const isZero = (value) => value === '' || value === 0 || value === false || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);

function field(schema) {
  const ref = refOf(schema);
  const base = ref ? (scalars[ref] ?? `#${add(ref)}`) : schema.type === 'array' ? { list: field(schema.items ?? {}) } : schema.additionalProperties && schema.type === 'object' ? { map: field(schema.additionalProperties) } : scalarOf(schema);
  const extra = {};
  if (schema.enum && !schema.enum.includes('')) extra.enum = schema.enum;
  if (schema.default !== undefined && !isZero(schema.default)) extra.default = schema.default;
  if (schema['x-kubernetes-list-type'] === 'map') extra.keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] === 'set') extra.set = true;
  if (schema['x-kubernetes-patch-merge-key']) extra.mergeKey = schema['x-kubernetes-patch-merge-key'];
  if (schema['x-kubernetes-patch-strategy']) extra.strategy = schema['x-kubernetes-patch-strategy'];
  if (schema['x-kubernetes-map-type'] === 'atomic') extra.atomic = true;
  if (Object.keys(extra).length === 0) return base;
  return typeof base === 'string' ? { of: base, ...extra } : { ...base, ...extra };
}

// The first sentence, without links and markup: what fits one line of `kubectl explain`.
function sentence(text) {
  if (!text) return '';
  const line = text.replace(/\s+/g, ' ').trim();
  const end = line.search(/(?<!e\.g|i\.e|etc)\.(\s|$)/);
  const first = end < 0 ? line : line.slice(0, end + 1);
  return first.length > 160 ? `${first.slice(0, 157)}...` : first;
}

function add(name) {
  const schema = sources[name];
  if (!schema) throw new Error(`no schema named ${name}`);
  if (types[name]) return name;
  const type = (types[name] = {});
  if (schema.required) type.required = schema.required;
  if (schema['x-kubernetes-map-type'] === 'atomic') type.atomic = true;
  if (!schema.properties) {
    type.open = true;
    return name;
  }
  type.fields = {};
  const texts = {};
  for (const [key, value] of Object.entries(schema.properties)) {
    type.fields[key] = field(value);
    const text = sentence(value.description);
    if (text) texts[key] = text;
  }
  descriptions[name] = [sentence(schema.description), texts];
  return name;
}

const goPackage = { '': 'core', apps: 'apps', 'rbac.authorization.k8s.io': 'rbac' };
function typeName(apiVersion, kind) {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const short = goPackage[group] ?? group.split('.')[0];
  const candidates = group.endsWith('openshift.io')
    ? [`com.github.openshift.api.${short}.${version}.${kind}`]
    : [`io.k8s.api.${short}.${version}.${kind}`];
  const found = candidates.find((one) => sources[one]);
  if (!found) throw new Error(`${apiVersion} ${kind} is in neither source`);
  return found;
}

const table = {};
for (const [apiVersion, names] of Object.entries(kinds)) for (const kind of names.split(' ')) table[`${apiVersion}/${kind}`] = add(typeName(apiVersion, kind));
for (const [key, name] of Object.entries(extras)) table[key] = add(name);

const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
const lines = (object) => `{\n${Object.entries(sorted(object)).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',\n')}\n}`;
writeFileSync(join(out, 'schemas.json'), `{"kinds":${lines(table)},\n"types":${lines(types)}}\n`);
writeFileSync(join(out, 'descriptions.json'), `${lines(descriptions)}\n`);
