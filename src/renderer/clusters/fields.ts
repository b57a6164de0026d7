import { fieldsIn, type FormField } from '../../shared/config/formFields'
import { clusterSchema } from '../../shared/domain/cluster'

/** Which keys of a profile stand together, and in which order. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'Where trials run': ['host', 'partition', 'account', 'qos'],
  'What a trial gets': ['time', 'memory', 'cpus', 'gpus', 'preamble'],
  'How many': ['throttle', 'attempts', 'poll_seconds'],
  'Where folders are not shared': ['remote_dir', 'delta', 'ssh_options'],
}

/** Every key of a profile, in its group. */
export function clusterGroups(): { title: string; fields: FormField[] }[] {
  const fields = fieldsIn(clusterSchema)
  return Object.entries(GROUPS).map(([title, keys]) => ({
    title,
    fields: keys.flatMap((key) => fields.find((field) => field.key === key) ?? []),
  }))
}

/** A time limit as sbatch takes it, in words: a number alone counts minutes. */
export const timeLimit = (time: string): string => `time limit ${/^\d+$/.test(time) ? `${time} min` : time}`
