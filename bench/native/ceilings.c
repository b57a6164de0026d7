// The same two loops as bench/harness/wasmLoops.ts in native code.
// usage: ceilings LOOP THREADS BYTES SECONDS   LOOP: multiplyAdd | read; BYTES: read by each thread; prints the rate a second of
// all threads: multiply-adds, or bytes. WIDTH: bytes of a vector.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef WIDTH
#error "compile with -DWIDTH=16, 32 or 64"
#endif
typedef float vec __attribute__((vector_size(WIDTH)));
enum { LANES = WIDTH / 4, ACCUMULATORS = 12, READS = 8 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

// Written from outside, so that the compiler cannot know it.
static volatile float factor = 0.5f;
static volatile float sink;

static long multiply_adds(void) {
  enum { TURNS = 100000 };
  vec x = factor - (vec){0};
  vec sums[ACCUMULATORS];
  for (int i = 0; i < ACCUMULATORS; i++) sums[i] = x * (float)(i + 1);
  for (long turn = 0; turn < TURNS; turn++) {
#pragma GCC unroll 12
    for (int i = 0; i < ACCUMULATORS; i++) sums[i] = sums[i] * x + x;
  }
  float total = 0;
  for (int i = 0; i < ACCUMULATORS; i++) total += sums[i][0];
  sink = total;
  return (long)TURNS * ACCUMULATORS * LANES;
}

static void read_all(const char *memory, size_t bytes) {
  vec sums[READS];
  for (int i = 0; i < READS; i++) sums[i] = (vec){0};
  for (size_t at = 0; at + READS * WIDTH <= bytes; at += READS * WIDTH) {
#pragma GCC unroll 8
    for (int i = 0; i < READS; i++) sums[i] += *(const vec *)(memory + at + i * WIDTH);
  }
  float total = 0;
  for (int i = 0; i < READS; i++) total += sums[i][0];
  sink = total;
}

// The best window of 10 ms: a ceiling is what happens when nobody else is at the processor.
static double best_rate(const char *memory, size_t bytes, double seconds) {
  double best = 0, end = now() + seconds;
  do {
    double started = now(), passed, done = 0;
    do {
      if (memory) {
        read_all(memory, bytes);
        done += bytes;
      } else {
        done += multiply_adds();
      }
      passed = now() - started;
    } while (passed < 0.01);
    if (done / passed > best) best = done / passed;
  } while (now() < end);
  return best;
}

struct job { int reading; size_t bytes; double seconds, rate; };
static void *work(void *argument) {
  struct job *job = argument;
  float *memory = NULL;
  if (job->reading) {
    memory = aligned_alloc(64, job->bytes);
    if (!memory) return NULL;
    // Pages that were never written are all one page of zeros.
    for (size_t i = 0; i < job->bytes / 4; i++) memory[i] = 1;
  }
  job->rate = best_rate((const char *)memory, job->bytes, job->seconds);
  free(memory);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int threads = atoi(argv[2]);
  if (threads < 1 || threads > 1024) return 2;
  struct job job = {strcmp(argv[1], "read") == 0, strtoull(argv[3], NULL, 10) / 1024 * 1024, atof(argv[4]), 0};
  struct job jobs[threads];
  pthread_t started[threads];
  for (int i = 0; i < threads; i++) {
    jobs[i] = job;
    if (pthread_create(&started[i], NULL, work, &jobs[i])) return 1;
  }
  double rate = 0;
  for (int i = 0; i < threads; i++) {
    pthread_join(started[i], NULL);
    rate += jobs[i].rate;
  }
  printf("%.0f\n", rate);
  return 0;
}
