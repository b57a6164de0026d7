import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

const SSHD = '/usr/sbin/sshd'

/** Why there is no ssh server for tests here; undefined where there is. */
export const noSsh: string | undefined = !fs.existsSync(SSHD)
  ? 'openssh-server is not installed'
  : !fs.existsSync('/usr/bin/rsync')
    ? 'rsync is not installed'
    : undefined

/** A real ssh server on loopback that lets one key in; `config` is for `ssh -F`. */
export async function startSsh(): Promise<{ config: string; host: string; stop: () => void }> {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-ssh-'))
  const at = (name: string): string => path.join(base, name)
  for (const name of ['host_key', 'user_key'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)])
  fs.copyFileSync(at('user_key.pub'), at('authorized'))
  fs.mkdirSync('/run/sshd', { recursive: true })
  const port = await freePort()
  fs.writeFileSync(
    at('sshd_config'),
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${at('host_key')}\nPidFile none\nAuthorizedKeysFile ${at('authorized')}\n` +
      'UsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n',
  )
  const config = at('config')
  fs.writeFileSync(
    config,
    `Host login-node\n  HostName 127.0.0.1\n  Port ${port}\n  User ${os.userInfo().username}\n  IdentityFile ${at('user_key')}\n` +
      `  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  UserKnownHostsFile ${at('known')}\n  LogLevel ERROR\n`,
  )
  const server: ChildProcess = spawn(SSHD, ['-D', '-e', '-f', at('sshd_config')], { stdio: 'ignore' })
  for (let tries = 0; tries < 50; tries++) {
    try {
      execFileSync('ssh', ['-F', config, '-o', 'BatchMode=yes', 'login-node', 'true'], { stdio: 'pipe' })
      break
    } catch (error) {
      if (tries === 49) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  return {
    config,
    host: 'login-node',
    stop() {
      server.kill()
      fs.rmSync(base, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
