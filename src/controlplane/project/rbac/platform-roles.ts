/** Roles beyond Kubernetes' own: OpenShift's for projects, builds and images (openshift-apiserver bootstrap policy), and those of this platform's own parts. */
import type { PolicyRule } from '../../../api/kinds/rbac.ts';

export interface BootstrapRole {
  rules?: PolicyRule[];
  /** Name of the role that takes these rules in. */
  into?: string;
  /** Names under which others put their rules in here. */
  from?: string[];
}

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const rule = (group: string | string[], resources: string[], verbs: string[]): PolicyRule => ({ verbs, apiGroups: [group].flat(), resources });

const apps = 'apps.openshift.io';
const build = 'build.openshift.io';
const image = 'image.openshift.io';
const route = 'route.openshift.io';
const template = 'template.openshift.io';
const project = 'project.openshift.io';
const authorization = 'authorization.openshift.io';

const viewRules = [
  rule(build, ['buildconfigs', 'buildconfigs/webhooks', 'builds', 'builds/log'], read),
  rule(apps, ['deploymentconfigs', 'deploymentconfigs/scale', 'deploymentconfigs/log', 'deploymentconfigs/status'], read),
  rule(image, ['imagestreamimages', 'imagestreammappings', 'imagestreams', 'imagestreamtags', 'imagetags', 'imagestreams/status'], read),
  rule(project, ['projects'], ['get']),
  rule(route, ['routes', 'routes/status'], read),
  rule(template, ['processedtemplates', 'templateconfigs', 'templateinstances', 'templates'], read),
];
const editRules = [
  rule(build, ['buildconfigs', 'buildconfigs/webhooks', 'builds'], write),
  rule(build, ['buildconfigs/instantiate', 'buildconfigs/instantiatebinary', 'builds/clone'], ['create']),
  rule(build, ['builds/details'], ['update']),
  rule(apps, ['deploymentconfigs', 'deploymentconfigs/scale'], write),
  rule(apps, ['deploymentconfigrollbacks', 'deploymentconfigs/instantiate', 'deploymentconfigs/rollback'], ['create']),
  rule(image, ['imagestreamimages', 'imagestreammappings', 'imagestreams', 'imagestreams/secrets', 'imagestreamtags', 'imagetags'], write),
  rule(image, ['imagestreams/secrets'], read),
  rule(image, ['imagestreams/layers'], ['get', 'update']),
  rule(image, ['imagestreamimports'], ['create']),
  rule(route, ['routes'], write),
  rule(route, ['routes/custom-host'], ['create']),
  rule(template, ['processedtemplates', 'templateconfigs', 'templateinstances', 'templates'], write),
];
const adminRules = [
  rule(authorization, ['rolebindings', 'roles'], [...read, ...write]),
  rule(authorization, ['localresourceaccessreviews', 'localsubjectaccessreviews', 'subjectrulesreviews'], ['create']),
  rule(project, ['projects'], ['delete', 'patch', 'update']),
  rule('', ['namespaces'], ['delete']),
  rule(route, ['routes/status'], ['update']),
  rule(build, ['builds/source', 'builds/docker'], ['create']),
];

export const platformRoles: Readonly<Record<string, BootstrapRole>> = {
  'system:openshift:aggregate-to-view': { into: 'view', rules: viewRules },
  // As the metrics server brings it: whoever sees pods may see what they use.
  'system:aggregated-metrics-reader': { into: 'view', rules: [rule('metrics.k8s.io', ['pods', 'nodes'], read)] },
  'system:openshift:aggregate-to-edit': { into: 'edit', rules: editRules },
  'system:openshift:aggregate-to-admin': { into: 'admin', rules: adminRules },
  'basic-user': {
    rules: [
      { verbs: ['get'], apiGroups: ['user.openshift.io'], resources: ['users'], resourceNames: ['~'] },
      rule(project, ['projectrequests'], ['list']),
      rule(project, ['projects'], ['list', 'watch']),
      rule('rbac.authorization.k8s.io', ['clusterroles'], read),
      rule('storage.k8s.io', ['storageclasses'], read),
      rule(authorization, ['selfsubjectrulesreviews', 'subjectaccessreviews'], ['create']),
    ],
  },
  'self-provisioner': { rules: [rule(project, ['projectrequests'], ['create'])] },
  'shared-resource-viewer': { rules: [rule(template, ['templates'], read), rule(image, ['imagestreamimages', 'imagestreams', 'imagestreamtags', 'imagetags'], read), rule(image, ['imagestreams/layers'], ['get'])] },
  'system:image-puller': { rules: [rule(image, ['imagestreams/layers'], ['get'])] },
  'system:image-pusher': { rules: [rule(image, ['imagestreams/layers'], ['get', 'update'])] },
  'system:image-pruner': { rules: [rule(image, ['images', 'imagestreams'], [...read, 'delete']), rule(image, ['imagestreams/status'], ['update'])] },
  'system:image-builder': {
    rules: [rule(image, ['imagestreams/layers'], ['get', 'update']), rule(image, ['imagestreams'], ['create']), rule(build, ['builds/details'], ['update']), rule(build, ['builds'], ['get'])],
  },
  'system:deployer': {
    rules: [
      rule('', ['replicationcontrollers'], [...read, 'update', 'patch', 'delete']),
      rule('', ['replicationcontrollers/scale'], ['get', 'update']),
      rule('', ['pods'], [...read, 'create']),
      rule('', ['pods/log'], ['get']),
      rule('', ['events'], ['create', 'list', 'patch']),
      rule(apps, ['deploymentconfigs'], read),
      rule(image, ['imagestreamtags', 'imagetags'], ['create', 'get', 'update']),
    ],
  },
  // What a node agent does beyond a kubelet: it notes host ports on pods and reads what pods mount and pull.
  'system:slipway:node-agent': {
    rules: [
      rule('', ['pods'], ['patch', 'update']),
      rule('', ['endpoints', 'persistentvolumeclaims', 'persistentvolumes', 'serviceaccounts'], read),
      rule('discovery.k8s.io', ['endpointslices'], read),
      rule('networking.k8s.io', ['networkpolicies'], read),
      rule('', ['namespaces'], read),
      rule('coordination.k8s.io', ['leases'], [...read, 'create', 'patch', 'update', 'delete']),
      rule(image, ['imagestreams', 'imagestreams/layers'], ['get']),
    ],
  },
};

export interface BootstrapBinding {
  name: string;
  role: string;
  groups: string[];
}

export const bootstrapBindings: readonly BootstrapBinding[] = [
  { name: 'cluster-admin', role: 'cluster-admin', groups: ['system:masters'] },
  { name: 'cluster-admins', role: 'cluster-admin', groups: ['system:cluster-admins'] },
  { name: 'system:basic-user', role: 'system:basic-user', groups: ['system:authenticated'] },
  { name: 'system:discovery', role: 'system:discovery', groups: ['system:authenticated'] },
  { name: 'system:public-info-viewer', role: 'system:public-info-viewer', groups: ['system:authenticated', 'system:unauthenticated'] },
  { name: 'system:service-account-issuer-discovery', role: 'system:service-account-issuer-discovery', groups: ['system:serviceaccounts'] },
  { name: 'system:monitoring', role: 'system:monitoring', groups: ['system:monitoring'] },
  { name: 'basic-users', role: 'basic-user', groups: ['system:authenticated'] },
  { name: 'self-provisioners', role: 'self-provisioner', groups: ['system:authenticated:oauth'] },
  { name: 'system:node', role: 'system:node', groups: ['system:nodes'] },
  { name: 'system:node-proxiers', role: 'system:node-proxier', groups: ['system:nodes'] },
  { name: 'system:slipway:node-agents', role: 'system:slipway:node-agent', groups: ['system:nodes'] },
];
