#include "worker/children/children.h"

#include "worker/children/children_impl.h"

namespace andiron {

std::string_view Name(Containment level) {
  switch (level) {
    case Containment::kCgroup:
      return "cgroup";
    case Containment::kSubreaper:
      return "group+subreaper";
    case Containment::kGroup:
      return "group";
  }
  return "?";
}

Children::Children(uv_loop_s* loop, Inbox& inbox, Log& log, const std::vector<PoolSettings>& pools,
                   const Options& options)
    : impl_(std::make_unique<Impl>(loop, inbox, log, pools, options)) {}

Children::~Children() = default;

Containment Children::containment() const { return impl_->containment(); }

void Children::Start(const StartChild& action) { impl_->Start(action.child); }

void Children::Send(const SendJob& action) {
  if (Child* const child = impl_->table().FindToWrite(action.child)) child->Send(action);
}

void Children::Send(const SendCancel& action) {
  if (Child* const child = impl_->table().FindToWrite(action.child)) child->Send(action);
}

void Children::Send(const SendPing& action) {
  if (Child* const child = impl_->table().FindToWrite(action.child)) child->Send(action);
}

void Children::AskToStop(const andiron::AskToStop& action) { impl_->AskToStop(action.child); }

void Children::Kill(const KillChild& action) { impl_->Kill(action.child); }

void Children::Close(const CloseChannel& action) {
  if (Child* const child = impl_->table().Find(action.child)) child->CloseChannel();
}

void Children::Abandon(const AbandonChild& action) { impl_->Abandon(action.child); }

bool Children::EndReads() { return impl_->EndReads(); }

void Children::Flush() { impl_->Flush(); }

Autopsy Children::Examine(const ReportDeath& death) { return impl_->Examine(death); }

void Children::LetLoopEnd() { impl_->LetLoopEnd(); }

void Children::KillEverything() { impl_->KillEverything(); }

int Children::live() const { return impl_->table().live(); }

std::int64_t Children::log_lines_dropped() const { return impl_->table().log_lines_dropped(); }

}  // namespace andiron
