import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { pods, replicationControllers } from '../../../../../src/api/kinds/core.ts';
import { deploymentConfigs } from '../../../../../src/api/kinds/deployment-config.ts';
import { runDeployer } from '../../../../../src/controlplane/deployment/tools/deploy.ts';
import { eventually } from '../../../../support/eventually.ts';
import { startWorkloads, template, type WorkloadPlatform } from '../../../../support/workload-platform.ts';

let platform: WorkloadPlatform;
let account: string;
let output: string;

beforeEach(async () => {
  platform = await startWorkloads({ deployers: false });
  account = mkdtempSync(path.join(tmpdir(), 'slipway-account-'));
  writeFileSync(path.join(account, 'token'), 'deployer\n');
  writeFileSync(path.join(account, 'ca.crt'), platform.ca);
  output = '';
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockImplementation((text) => ((output += String(text)), true));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await platform.dispose();
  rmSync(account, { recursive: true });
});

const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  OPENSHIFT_DEPLOYMENT_NAME: 'web-1', OPENSHIFT_DEPLOYMENT_NAMESPACE: 'demo', KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(platform.port), SLIPWAY_SERVICE_ACCOUNT: account, ...more,
});
const rollout = async () => {
  await platform.client.create(deploymentConfigs, { apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfig', metadata: { name: 'web', namespace: 'demo' }, spec: { replicas: 2, template: template(), strategy: { type: 'Rolling', rollingParams: { timeoutSeconds: 1 } } } } as never);
  await eventually(() => platform.client.get(pods, { name: 'web-1-deploy', namespace: 'demo' }).then(() => true, () => false)).toBe(true);
};

describe('the deployer program', () => {
  test('scales the new replication controller over the API of its pod', async () => {
    await rollout();
    expect(await runDeployer(environment())).toBe(0);
    expect(output).toBe('--> Scaling web-1 to 2\n--> Waiting up to 1s for pods in rc web-1 to become ready\n--> Success\n');
    await eventually(async () => (await platform.client.get(replicationControllers, { name: 'web-1', namespace: 'demo' })).status).toMatchObject({ replicas: 2, availableReplicas: 2 });
  });

  test('fails with the reason when pods do not become ready', async () => {
    platform.fate = () => 'unready';
    await rollout();
    expect(await runDeployer(environment())).toBe(1);
    expect(output).toContain("error: update acceptor rejected web-1: pods for rc 'demo/web-1' took longer than 1 seconds to become available");
  });

  test('says what is missing around it', async () => {
    expect(await runDeployer(environment({ OPENSHIFT_DEPLOYMENT_NAME: '' }))).toBe(1);
    expect(await runDeployer(environment({ KUBERNETES_SERVICE_HOST: '' }))).toBe(1);
    expect(await runDeployer(environment({ OPENSHIFT_DEPLOYMENT_NAME: 'nobody' }))).toBe(1);
    expect(output).toContain('OPENSHIFT_DEPLOYMENT_NAME is required');
    expect(output).toContain('KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined');
    expect(output).toContain('replicationcontrollers "nobody" not found');
  });

  test('stops when its pod is told to end', async () => {
    platform.fate = () => 'unready';
    await rollout();
    const running = runDeployer(environment());
    await eventually(() => output).toContain('--> Waiting up to');
    process.emit('SIGTERM');
    expect(await running).toBe(1);
    expect(output).toContain('the deployer was told to stop');
  });
});
