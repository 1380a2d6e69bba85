// How one job's end reads: as JSON for scripts, as lines for people.
#include "ipc/text.h"
#include "tools/andiron/batch.h"
#include "tools/andiron/text.h"
#include "worker/base/json.h"
#include "worker/driver/end_text.h"

namespace andiron {

std::string JobJson(std::string_view id, std::string_view input, const JobReport& report) {
  JsonWriter json;
  json.BeginObject();
  json.Member("id", id);
  if (!input.empty()) json.Member("input", input);
  json.Member("outcome", report.refused ? std::string_view("REFUSED") : Name(report.outcome));
  if (report.refused) json.Member("refusal", Name(report.refusal));
  if (IsUtf8(report.output)) {
    json.Member("payload", std::string_view(report.output));
  } else {
    json.Member("payload_base64", std::string_view(Base64(report.output)));
  }
  json.Member("error", std::string_view(report.error));
  json.Member("queue_ms", Milliseconds(report.queued));
  json.Member("run_ms", Milliseconds(report.ran));
  json.Member("child", std::string_view(report.child));
  if (report.still_running) json.Member("still_running", true);
  json.EndObject();
  return json.Take() + "\n";
}

std::string AcceptedJson(std::string_view id, std::string_view input) {
  JsonWriter json;
  json.BeginObject();
  json.Member("id", id);
  if (!input.empty()) json.Member("input", input);
  json.Member("outcome", "ACCEPTED");
  json.EndObject();
  return json.Take() + "\n";
}

std::string FailureText(std::string_view id, std::string_view input, const JobReport& report) {
  std::string text = id.empty() ? "the job" : "job " + Printable(id);  // one that is refused may have none
  if (!input.empty()) text += " (" + Printable(input) + ")";
  text += ": ";
  text += report.refused ? "refused, " + std::string(Name(report.refusal)) : std::string(Name(report.outcome));
  if (!report.error.empty()) text += ": " + Printable(report.error);
  if (report.still_running && !text.ends_with(kMayStillRun)) text += "\n    " + std::string(kMayStillRun);
  return text + "\n";
}

}  // namespace andiron
