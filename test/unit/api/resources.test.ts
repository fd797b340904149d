import { expect, it } from 'vitest';
import { allResources, findResource } from '../../../src/api/resources.ts';
import { apiVersionOf } from '../../../src/api/resource.ts';

it('finds resources by what people type', () => {
  for (const name of ['pods', 'pod', 'po', 'Pod']) expect(findResource(name)?.plural).toBe('pods');
  for (const name of ['deployments.apps', 'deploy', 'deployment.v1.apps']) expect(findResource(name)?.kind).toBe('Deployment');
  expect(findResource('dc')?.kind).toBe('DeploymentConfig');
  expect(findResource('bc')?.kind).toBe('BuildConfig');
  expect(findResource('routes.route.openshift.io')?.kind).toBe('Route');
  expect(findResource('deployments.batch')).toBeUndefined();
  expect(findResource('nonsense')).toBeUndefined();
});

it('has each once', () => {
  const names = allResources.map((one) => `${apiVersionOf(one)}/${one.plural}`);
  expect(new Set(names).size).toBe(names.length);
});
