// Which worker of this process reaps and ends what the process adopts.
//
// A subreaper, or process 1, gets the orphans of its children. Their statuses, and the news of who is stopped, come to
// the whole process: two workers would take them from each other, and each other's children for orphans. From any
// thread.
#ifndef ANDIRON_WORKER_DRIVER_ADOPTION_H_
#define ANDIRON_WORKER_DRIVER_ADOPTION_H_

namespace andiron {

class Adoption {
 public:
  Adoption() = default;
  ~Adoption();
  Adoption(const Adoption&) = delete;
  Adoption& operator=(const Adoption&) = delete;

  // False: the process adopts, and another worker has it already.
  bool Claim();
  // The process adopts, and it is this worker's business.
  bool claimed() const { return claimed_; }

 private:
  bool claimed_ = false;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_ADOPTION_H_
