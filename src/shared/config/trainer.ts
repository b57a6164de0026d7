import { z } from 'zod'
import { about } from './describe'

export const OPTIMIZERS = ['Adam', 'AdamW', 'SGD', 'RMSprop'] as const
export const SCHEDULERS = ['none', 'cosine', 'onecycle', 'reduce_on_plateau'] as const
/** Number types in which embedding tables are held in memory. */
export const TABLE_DTYPES = ['float32', 'float16'] as const
export type TableDtype = (typeof TABLE_DTYPES)[number]

const positive = z.number().positive()
const beta = z.number().min(0).lt(1)

const plateau = { key: 'scheduler', is: ['reduce_on_plateau'] } as const

/** The `trainer` section of `exp_config.yaml`. Defaults are the reference's, but for `max_epochs` (there 500). */
export const trainerSchema = z.strictObject({
  max_epochs: z
    .int()
    .positive()
    .default(100)
    .meta(
      about({
        title: 'Epochs at most',
        description: 'Passes over the training pairs.',
        group: 'length',
        unit: 'epochs',
        scale: 'log',
      }),
    ),
  max_steps: z
    .int()
    .positive()
    .optional()
    .meta(
      about({
        title: 'Steps at most',
        description: 'Ends training after so many optimiser steps, if that comes before the last epoch.',
        group: 'length',
        unit: 'steps',
        scale: 'log',
      }),
    ),
  batch_size: z
    .int()
    .positive()
    .default(512)
    .meta(
      about({
        title: 'Batch size',
        description: 'Pairs that one optimiser step looks at; a shorter last batch is kept.',
        group: 'length',
        unit: 'pairs',
        scale: 'log',
      }),
    ),
  optimizer: z
    .enum(OPTIMIZERS)
    .default('Adam')
    .meta(
      about({
        title: 'Optimiser',
        description: "PyTorch's rules.",
        group: 'optimiser',
        choices: {
          Adam: 'decays weights as AdamW does; without decay both are the same',
          AdamW: 'moments of the gradient, decoupled weight decay',
          SGD: 'plain gradient descent',
          RMSprop: 'divides by a running root mean square of the gradient',
        },
      }),
    ),
  learning_rate: positive.default(2e-3).meta(
    about({
      title: 'Learning rate',
      description: 'Size of a step. Too high and the loss jumps or is no number, too low and nothing is learned.',
      group: 'optimiser',
      scale: 'log',
    }),
  ),
  betas: z
    .tuple([beta, beta])
    .default([0.9, 0.999])
    .meta(
      about({
        title: 'Betas',
        description: "How long Adam's running means of the gradient and of its square remember.",
        group: 'optimiser',
        only: { key: 'optimizer', is: ['Adam', 'AdamW'] },
      }),
    ),
  eps: positive.default(1e-8).meta(
    about({
      title: 'Epsilon',
      description: "Added to the root of Adam's and RMSprop's second moment, so that nothing is divided by zero.",
      group: 'optimiser',
      scale: 'log',
      only: { key: 'optimizer', is: ['Adam', 'AdamW', 'RMSprop'] },
    }),
  ),
  weight_decay: z
    .number()
    .min(0)
    .default(0)
    .meta(
      about({
        title: 'Weight decay',
        description:
          'Pulls weights towards zero: decoupled and per unit of learning rate for Adam and AdamW, through the gradient for SGD and RMSprop.',
        group: 'optimiser',
        scale: 'log',
      }),
    ),
  gradient_clip_val: positive.optional().meta(
    about({
      title: 'Gradient norm at most',
      description: 'Largest L2 norm of the whole gradient; a longer one is shortened to it.',
      group: 'optimiser',
      scale: 'log',
    }),
  ),
  scheduler: z
    .enum(SCHEDULERS)
    .default('none')
    .meta(
      about({
        title: 'Schedule',
        description: 'How the learning rate moves over the steps.',
        group: 'schedule',
        choices: {
          none: 'stays as it is',
          cosine: 'warms up linearly, then falls along a cosine',
          onecycle: 'rises to a peak and falls far below its start, once',
          reduce_on_plateau: 'is lowered when val_loss stops falling',
        },
      }),
    ),
  warmup_steps: z
    .int()
    .min(-1)
    .default(-1)
    .meta(
      about({
        title: 'Warm-up',
        description: 'Steps of linear warm-up before the cosine; −1 is 5 % of all steps.',
        group: 'schedule',
        unit: 'steps',
        only: { key: 'scheduler', is: ['cosine'] },
      }),
    ),
  min_lr: z
    .number()
    .min(0)
    .default(1e-7)
    .meta(
      about({
        title: 'Lowest rate',
        description: 'Where the schedule ends.',
        group: 'schedule',
        scale: 'log',
        only: { key: 'scheduler', is: ['cosine', 'reduce_on_plateau'] },
      }),
    ),
  max_lr: positive.optional().meta(
    about({
      title: 'Peak rate',
      description: 'Peak of the cycle; the learning rate where it is not given.',
      group: 'schedule',
      scale: 'log',
      only: { key: 'scheduler', is: ['onecycle'] },
    }),
  ),
  plateau_factor: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.1)
    .meta(
      about({
        title: 'Factor',
        description: 'The rate is multiplied by it when val_loss stops falling.',
        group: 'schedule',
        only: plateau,
      }),
    ),
  plateau_patience: z
    .int()
    .min(0)
    .default(10)
    .meta(
      about({
        title: 'Epochs before that',
        description: 'Epochs without a lower val_loss before the rate is lowered.',
        group: 'schedule',
        unit: 'epochs',
        only: plateau,
      }),
    ),
  patience: positive.default(1e9).meta(
    about({
      title: 'Patience',
      description: 'Early stopping: ends training after so many epochs without a lower val_loss. 1e9 is never.',
      group: 'length',
      unit: 'epochs',
      scale: 'log',
    }),
  ),
  test_on: z
    .enum(['best', 'last'])
    .default('best')
    .meta(
      about({
        title: 'Test',
        description: 'Checkpoint that is tested at the end.',
        group: 'length',
        choices: { best: 'the epoch with the lowest val_loss', last: 'the last epoch' },
      }),
    ),
  seed: z
    .int()
    .min(0)
    .max(0xffff_ffff)
    .default(0)
    .meta(about({ title: 'Seed', description: 'Draws initial weights, dropout and noise.', group: 'seeds' })),
  data_seed: z
    .int()
    .min(0)
    .max(0xffff_ffff)
    .optional()
    .meta(
      about({
        title: 'Seed of the shuffles',
        description: 'Draws the order of the training pairs; the seed where it is not given.',
        group: 'seeds',
      }),
    ),
  table_dtype: z
    .enum(TABLE_DTYPES)
    .default('float32')
    .meta(
      about({
        title: 'Vectors in memory',
        description: 'Number type in which the text vectors are held.',
        group: 'machine',
        choices: { float32: 'as they are in the file', float16: 'half the memory; rounds those of wider files' },
      }),
    ),
  table_streaming: z
    .enum(['never', 'fallback', 'always'])
    .default('never')
    .meta(
      about({
        title: 'Vectors sent with each batch',
        description:
          'Whether a table of text vectors stays in main memory, and a step gets those of its own texts. On fused nothing is sent.',
        group: 'machine',
        choices: {
          never: 'the device holds the table, or the run ends',
          fallback: 'where the device cannot hold the table',
          always: 'even where it could: leaves memory to others',
        },
        only: { key: '/backend', is: ['auto', 'tensorflow'] },
      }),
    ),
  card_memory: z
    .number()
    .positive()
    .max(1024)
    .optional()
    .meta(
      about({
        title: 'Memory of the card',
        description: 'Most of a graphics card that TensorFlow may take; all that is free where it is not given.',
        unit: 'GiB',
        group: 'machine',
        only: { key: '/backend', is: ['auto', 'tensorflow'] },
      }),
    ),
  num_workers: z
    .int()
    .min(0)
    .default(2)
    .meta(
      about({
        title: 'Loader processes',
        description: 'Accepted for older files and ignored: data is held in memory.',
        group: 'machine',
        unused: true,
      }),
    ),
})
export type TrainerConfig = z.infer<typeof trainerSchema>
