// What PrepareProcess() (andiron/worker.h) has said about this process.
#ifndef ANDIRON_WORKER_DRIVER_PREPARE_PROCESS_H_
#define ANDIRON_WORKER_DRIVER_PREPARE_PROCESS_H_

namespace andiron {

// It has been called: this program is nothing but a worker.
bool ProcessIsPrepared();

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_PREPARE_PROCESS_H_
